# One image for both sites, the worker, beat and the commands of ops. The settings module says which it is.
FROM node:24-slim AS browser
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY --from=browser /app/node_modules node_modules
COPY . .
# Static files need no server and no secret: the values below are placeholders of the build alone.
RUN DATABASE_URL=postgres://build@localhost/build REDIS_URL=redis://localhost/0 SECRET_KEY=build \
    DJANGO_SETTINGS_MODULE=tradewise.settings.trader TRADEWISE_VAR=/app/var python -m django collectstatic --noinput -v0 \
    && useradd --system --no-create-home tradewise && chown -R tradewise /app/var
USER tradewise
CMD ["gunicorn", "--worker-class", "gthread", "--workers", "2", "--threads", "4", "--bind", "0.0.0.0:8000", "tradewise.wsgi:application"]
