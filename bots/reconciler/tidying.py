"""What nobody wants any more: engines and directories of bots that were deleted, engines that should be off."""

import logging
from typing import Final

from django.db import connection

from bots.enums import Phase
from bots.reconciler.machine import Machine
from bots.runtimes import Runtime, RuntimeRefused

logger = logging.getLogger(__name__)

_KNOWN: Final = """
SELECT b.bot_id, e.phase FROM bots b JOIN bot_engines e ON e.bot_id = b.id WHERE b.bot_id = ANY(%s)"""

#: Handles of engines that this process has asked to end.
_asked: set[str] = set()


def tidy(machine: Machine, runtime: Runtime) -> None:
    """What is on the machine is listed before the database is asked: a bot is in there before its engine is here."""
    try:
        present = {bot_id: runtime.look(bot_id) for bot_id in runtime.present()}
    except RuntimeRefused as refusal:
        logger.warning("the machine was not tidied: %s", refusal)
        return
    if not present:
        return
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [list(present)])
        phases = dict(cursor.fetchall())
    for bot_id, seen in present.items():
        phase = phases.get(bot_id)
        try:
            if phase is None and not seen.alive:
                logger.info("the directory of a deleted bot is put aside bot=%s", bot_id)
                runtime.remove(bot_id)
            elif seen.alive and phase in (None, Phase.OFF, Phase.FAILED) and runtime.look(bot_id) == seen:
                # Its handle says that it is the same engine still. One that was asked a minute ago is not asked again.
                logger.warning("an engine that nobody wants is ended bot=%s", bot_id)
                runtime.end(bot_id, by_force=phase is None or seen.handle in _asked)
                _asked.add(seen.handle)
        except RuntimeRefused as refusal:
            logger.warning("a bot was not tidied up: %s bot=%s", refusal, bot_id)
