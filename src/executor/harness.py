# Runs inside a model's interpreter: takes requests from csw, calls the model's functions, answers.
#
# Python 3.8 and later, standard library only. Fd 0 is a socket to csw at first. It moves out of the model's way at
# once: the model has an empty stdin, and its stdout and stderr carry nothing but what it prints.
#
# Frames, each way: 8 bytes length (big-endian), then the bytes. csw sends the source of the JSON converter once, then
# requests: a JSON object. The answer to each is two frames: a JSON header, then the result as JSON or the traceback.
import json
import os
import sys
import time

PID = os.getpid()
CHANNEL = os.dup(0)  # dup'ed fds are not inherited by the programs that the model starts
_null = os.open(os.devnull, os.O_RDONLY)
os.dup2(_null, 0)
os.close(_null)
if os.environ.get("PYTHONSAFEPATH"):
    sys.path[:] = [p for p in sys.path if p]  # before 3.11 Python does not know the variable
for _stream in (sys.stdout, sys.stderr):
    if _stream is not None:
        # Lines must not be lost when the process dies, and the log is followed live.
        _stream.reconfigure(line_buffering=True, errors="backslashreplace")


def read(size):
    parts = []
    while size:
        part = os.read(CHANNEL, min(size, 1 << 20))
        if not part:
            os._exit(0)  # csw went away
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive():
    return read(int.from_bytes(read(8), "big"))


def send(data):
    for view in (memoryview(len(data).to_bytes(8, "big")), memoryview(data)):
        while view.nbytes:
            view = view[os.write(CHANNEL, view[: 1 << 20]) :]


def die_with_csw(on):
    """Lets the kernel end this process group if csw dies while the model computes: then nobody can take the result."""
    try:
        import fcntl

        flags = fcntl.fcntl(CHANNEL, fcntl.F_GETFL)
        if on:
            fcntl.fcntl(CHANNEL, fcntl.F_SETOWN, -os.getpgrp())
            fcntl.fcntl(CHANNEL, fcntl.F_SETFL, flags | os.O_ASYNC)
        else:
            fcntl.fcntl(CHANNEL, fcntl.F_SETFL, flags & ~os.O_ASYNC)
    except (ImportError, AttributeError, OSError):
        pass  # the process outlives csw then until it has computed; nothing else changes


class Sections(dict):
    """The caller's adjustment. A section of the model that the caller left out is empty when the model asks for it."""

    def __init__(self, given, known):
        dict.__init__(self, given)
        self.known = known

    def __missing__(self, key):
        if key not in self.known():
            raise KeyError(key)
        self[key] = {}
        return self[key]

    def __reduce__(self):  # other processes and deep copies get a plain dict
        return (dict, (dict(self),))


def fitting(function, args):
    """As many of the arguments as the function takes: some models leave out what they don't use."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_flags & 0x04:
        return args
    return args[: code.co_argcount - (1 if hasattr(function, "__self__") else 0)]


def call(function, *args):
    result = function(*fitting(function, args))
    if hasattr(type(result), "__await__"):
        import asyncio

        async def wait():
            return await result

        result = asyncio.run(wait())
    return result


def perform(request, header):
    from cs_config import functions

    task = request["task"]
    kwargs = request["kwargs"]
    meta = kwargs.get("meta_param_dict") or {}
    adjustment = kwargs.get("adjustment") or {}

    def sections():
        inputs = call(functions.get_inputs, dict(meta))
        return inputs["model_parameters"] if isinstance(inputs, dict) else {}

    if task == "sim":
        header["version"] = str(call(functions.get_version))
        name, args = "run_model", (meta, Sections(adjustment, sections))
    elif task == "parse":
        errors_warnings = kwargs.get("errors_warnings")
        if errors_warnings is None:
            known = list(sections())
            adjustment = dict(adjustment)
            for section in known:
                adjustment.setdefault(section, {})
            errors_warnings = {s: {"errors": {}, "warnings": {}} for s in list(adjustment)}
        name, args = "validate_inputs", (meta, adjustment, errors_warnings)
    elif task == "defaults":
        name, args = "get_inputs", (meta,)
    else:
        name, args = "get_version", ()
    function = getattr(functions, name)
    start = time.perf_counter()
    try:
        result = call(function, *args)
    finally:
        header["seconds"] = time.perf_counter() - start
    if task == "version" and not isinstance(result, dict):
        result = {"version": str(result)}
    if not isinstance(result, dict):
        raise TypeError("%s returned %s; expected a dict" % (name, type(result).__name__))
    return encode(result, name)


def encode(result, name):
    try:
        return json.dumps(result, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        # Not JSON as it is. Most results are, so the converter is compiled only here.
        if isinstance(CONVERTER, bytes):
            exec(compile(CONVERTER, "<csw converter>", "exec"), globals())
        return convert(result, name)


def explain(error):
    import traceback

    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals is globals():
        trace = trace.tb_next  # our own frames tell a model's author nothing
    lines = traceback.format_exception(type(error), error, trace)
    if isinstance(error, SystemExit):
        lines.append("The model ended itself with sys.exit(%r) instead of returning a result.\n" % (error.code,))
    if isinstance(error, ImportError) and error.name in ("cs_config", "cs_config.functions"):
        lines.append(
            "A model's repository offers a Python package `cs_config` with a module `functions`, usually in its\n"
            "folder cs-config/. It is on none of these paths: %s\n" % os.pathsep.join(p or os.getcwd() for p in sys.path)
        )
    return "".join(lines).encode("utf-8", "backslashreplace")


def serve():
    while True:
        request = json.loads(receive())
        header = {"ok": True, "seconds": 0.0}
        die_with_csw(True)
        try:
            body = perform(request, header)
        except BaseException as error:  # sys.exit, KeyboardInterrupt and whatever the model makes up
            header["ok"] = False
            body = explain(error)
        if os.getpid() != PID:
            os._exit(1)  # a fork of the model that came back from the function: the original answers
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass  # the model closed it, or put something else in its place
        die_with_csw(False)
        try:
            send(json.dumps(header).encode())
            send(body)
        except OSError:
            os._exit(0)
        if request["last"]:
            return


CONVERTER = receive()
serve()
