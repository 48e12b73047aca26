"""What requests to Docker's Engine API 1.44 may look like, for the engine that tests play.

Written down from the published description (moby/moby, `api/docs/v1.44.yaml`): paths, methods, query parameters, the
shapes of ContainerCreate and HostConfig. A daemon ignores what it does not know; here each such thing is a violation.
`daemon_rules` are not in that description: they are what moby's daemon checks besides.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jsonschema

API = "1.44"
MB = 1024 * 1024

TEXT, WHOLE, YES_OR_NO = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
TEXTS = {"type": "array", "items": TEXT}
BY_NAME = {"type": "object", "additionalProperties": TEXT}


def _closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _each(names: str, shape: Any) -> dict[str, Any]:
    return dict.fromkeys(names.split(), shape)


def _set(words: str) -> set[str]:
    return set(words.split())


def _choice(values: str) -> dict[str, Any]:
    return {"enum": values.split()}


def _by_port(shape: Any) -> dict[str, Any]:
    ports = {r"^[0-9]{1,5}/(tcp|udp|sctp)$": shape}
    return {"type": "object", "patternProperties": ports, "additionalProperties": False}


BIND_OPTIONS = _closed(
    Propagation=_choice("private rprivate shared rshared slave rslave"),
    **_each("NonRecursive CreateMountpoint ReadOnlyNonRecursive ReadOnlyForceRecursive", YES_OR_NO),
)
MOUNT = _closed(
    **_each("Target Source", TEXT),
    Type=_choice("bind cluster npipe tmpfs volume"),
    ReadOnly=YES_OR_NO,
    Consistency=_choice("default consistent cached delegated"),
    BindOptions=BIND_OPTIONS,
    TmpfsOptions=_closed(**_each("SizeBytes Mode", WHOLE)),
)
PORT_BINDING = _closed(HostIp=TEXT, HostPort={"type": "string", "pattern": "^[0-9]*$"})
HOST_CONFIG = _closed(
    Binds={"type": "array", "items": {"type": "string", "pattern": r"^[^:]+:/[^:]*(:[A-Za-z,]+)?$"}},
    LogConfig=_closed(
        Type=_choice("json-file syslog journald gelf fluentd awslogs splunk etwlogs none"), Config=BY_NAME
    ),
    RestartPolicy=_closed(
        Name={"enum": ["", "no", "always", "unless-stopped", "on-failure"]}, MaximumRetryCount=WHOLE
    ),
    PortBindings=_by_port({"type": "array", "items": PORT_BINDING}),
    Mounts={"type": "array", "items": MOUNT},
    BlkioWeight={"type": "integer", "minimum": 0, "maximum": 1000},
    MemorySwappiness={"type": "integer", "minimum": 0, "maximum": 100},
    ShmSize={"type": "integer", "minimum": 0},
    CgroupnsMode=_choice("private host"),
    PidsLimit={"type": ["integer", "null"]},
    Init={"type": ["boolean", "null"]},
    **_each("Memory MemoryReservation MemorySwap NanoCpus CpuShares CpuPeriod CpuQuota OomScoreAdj", WHOLE),
    **_each("AutoRemove Privileged PublishAllPorts ReadonlyRootfs OomKillDisable", YES_OR_NO),
    **_each("NetworkMode VolumeDriver IpcMode Cgroup PidMode UTSMode UsernsMode Runtime", TEXT),
    **_each("CgroupParent CpusetCpus CpusetMems ContainerIDFile", TEXT),
    **_each("CapAdd CapDrop Dns DnsOptions DnsSearch ExtraHosts GroupAdd Links SecurityOpt", TEXTS),
    **_each("VolumesFrom MaskedPaths ReadonlyPaths DeviceCgroupRules", TEXTS),
    **_each("Tmpfs Sysctls StorageOpt Annotations", BY_NAME),
)
CREATE = _closed(
    **_each("Hostname Domainname User Image WorkingDir StopSignal", TEXT),
    **_each("AttachStdin AttachStdout AttachStderr Tty OpenStdin StdinOnce NetworkDisabled", YES_OR_NO),
    **_each("Cmd Entrypoint Shell", TEXTS),
    ExposedPorts=_by_port(_closed()),
    Env={"type": "array", "items": {"type": "string", "pattern": r"^[^=]+=[^\0]*$"}},
    Volumes={"type": "object", "additionalProperties": _closed()},
    Labels=BY_NAME,
    StopTimeout=WHOLE,
    HostConfig=HOST_CONFIG,
    NetworkingConfig={"type": "object"},
)


class Route(NamedTuple):
    """An operation, its query parameters with the form of each, and the status where it goes well."""

    method: str
    path: str
    operation: str
    query: dict[str, str]
    status: int


ROUTES = [
    Route(
        "GET",
        "/containers/json",
        "list",
        {"filters": "filters", "limit": "int", **_each("all size", "bool")},
        200,
    ),
    Route("POST", "/containers/create", "create", {"name": "name", "platform": "text"}, 201),
    Route("GET", "/containers/([^/]+)/json", "inspect", {"size": "bool"}, 200),
    Route(
        "GET",
        "/containers/([^/]+)/logs",
        "logs",
        {"tail": "tail", **_each("follow stdout stderr timestamps", "bool"), **_each("since until", "int")},
        200,
    ),
    Route("GET", "/containers/([^/]+)/stats", "stats", _each("stream one-shot", "bool"), 200),
    Route("POST", "/containers/([^/]+)/start", "start", {"detachKeys": "text"}, 204),
    Route("POST", "/containers/([^/]+)/kill", "kill", {"signal": "signal"}, 204),
    Route("POST", "/containers/([^/]+)/unpause", "unpause", {}, 204),
    Route("DELETE", "/containers/([^/]+)", "remove", _each("v force link", "bool"), 204),
]
#: What the SDK sends and no version of the description names; a daemon takes no notice.
OF_THE_SDK = {"list": {"trunc_cmd"}}
FILTERS = _set(
    "ancestor before expose exited health id isolation is-task label name network publish since status volume"
)
SIGNALS = _set("SIGTERM SIGKILL SIGINT SIGQUIT SIGHUP SIGUSR1 SIGUSR2")


def _filters(value: str) -> bool:
    found = json.loads(value)
    return set(found) <= FILTERS and all(isinstance(item, list) for item in found.values())


FORMS: dict[str, Callable[[str], Any]] = {
    "bool": _set("0 1 true false True False").__contains__,
    "int": re.compile(r"-?[0-9]+").fullmatch,
    "name": re.compile(r"/?[a-zA-Z0-9][a-zA-Z0-9_.-]+").fullmatch,
    "text": bool,
    "tail": re.compile(r"all|[0-9]+").fullmatch,
    "signal": lambda value: value in SIGNALS or value.isdigit(),
    "filters": _filters,
}


def truth(value: str | None) -> bool:
    """How a daemon reads a boolean of a query."""
    return value is not None and value.lower() not in ("", "0", "no", "false", "none")


def wrong_in_query(route: Route, query: dict[str, str]) -> Iterator[str]:
    """What the description does not allow."""
    for name, value in query.items():
        if name in route.query:
            if not FORMS[route.query[name]](value):
                yield f"{route.operation}: {name}={value} has not the form of a {route.query[name]}"
        elif name not in OF_THE_SDK.get(route.operation, ()):
            yield f"{route.operation}: there is no query parameter {name}"
    if truth(query.get("one-shot")) and truth(query.get("stream", "1")):
        yield "stats: one-shot must be used with stream=false"


def wrong_in_content(route: Route, kind: str, content: bytes) -> list[str]:
    """What the description does not allow, else what the daemon would not."""
    if route.operation != "create":
        return [f"{route.operation} takes no body"] if content else []
    if kind.partition(";")[0].strip() != "application/json":
        return [f"create: its content is {kind or 'nothing'}, which is not application/json"]
    body = json.loads(content)
    wrong = [
        f"{error.json_path}: {error.message}"
        for error in jsonschema.Draft7Validator(CREATE).iter_errors(body)
    ]
    return wrong or list(daemon_rules(body))


TMPFS = _set("rw ro noexec exec nosuid suid nodev dev size mode uid gid nr_inodes nr_blocks mpol")
JSON_FILE = _set("max-size max-file labels labels-regex env env-regex compress tag mode max-buffer-size")


def daemon_rules(body: dict[str, Any]) -> Iterator[str]:
    """What moby checks when it creates a container on Linux."""
    host = body.get("HostConfig", {})
    memory, swap = host.get("Memory", 0), host.get("MemorySwap", 0)
    if 0 < memory < 6 * MB:
        yield "Minimum memory limit allowed is 6MB"
    if swap > 0 and (not memory or swap < memory):
        yield "Minimum memoryswap limit should be larger than memory limit"
    if "NanoCpus" in host and not 10_000_000 <= host["NanoCpus"] <= 64_000_000_000:
        yield "range of CPUs is from 0.01 to 64.00"
    if any(
        not mount.get(end, "").startswith("/")
        for mount in host.get("Mounts", [])
        for end in ("Target", "Source")
    ):
        yield "invalid mount path: it must be absolute"
    for path, options in host.get("Tmpfs", {}).items():
        if not path.startswith("/") or not {part.partition("=")[0] for part in options.split(",")} <= TMPFS:
            yield f"invalid tmpfs option {path} {options}"
    for option in host.get("SecurityOpt", []):
        if not re.fullmatch(r"no-new-privileges(:true|:false)?|(seccomp|apparmor|label)[=:].+", option):
            yield f"invalid --security-opt: {option}"
    log = host.get("LogConfig", {})
    if log.get("Type") == "json-file" and not set(log.get("Config", {})) <= JSON_FILE:
        yield "unknown log opt for json-file log driver"
    bindings = [binding for found in host.get("PortBindings", {}).values() for binding in found]
    if any(not 0 < int(binding.get("HostPort") or 1) < 65536 for binding in bindings):
        yield "invalid port specification"
    if not re.fullmatch(r"|[a-z0-9_-]+(:[a-z0-9_-]+)?", body.get("User", "")):
        yield "invalid user"
