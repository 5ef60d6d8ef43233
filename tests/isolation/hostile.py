import os
import socket


def get_version():
    return "1"


def get_inputs(meta_param_dict):
    return {"meta_parameters": {}, "model_parameters": {}}


def validate_inputs(meta_param_dict, adjustment, errors_warnings):
    return {"errors_warnings": errors_warnings}


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path):
    with open(path, "a") as file:
        file.write("x")


def connect(family, address):
    with socket.socket(family) as s:
        s.settimeout(5)
        s.connect(address)


def contains(path, text):
    if text not in read(path):
        raise OSError("not found")


def granted():
    read(os.environ["READS"])
    write(os.environ["WRITES"])


def scratch():
    write(os.path.expanduser("~/file"))
    write(os.path.join(os.environ.get("TMPDIR", "/tmp"), "hostile-%d" % os.getpid()))


def privileges():
    status = dict(line.split(":", 1) for line in read("/proc/self/status").decode().splitlines())
    if status["NoNewPrivs"].strip() == "1" and int(status["CapBnd"], 16) == 0:
        raise OSError("none")


def own():
    import json.decoder

    read(__file__)
    read(json.decoder.__file__)


def run_model(meta_param_dict, adjustment):
    other = os.environ["OTHER_PID"]
    tries = {
        "own": own,
        "scratch": scratch,
        "granted": granted,
        "csw": lambda: contains("/proc/%d/environ" % os.getppid(), b"CSW_JOB_TOKEN"),
        "other": lambda: contains("/proc/%s/environ" % other, b"OTHER_SECRET"),
        "signal": lambda: os.kill(int(other), 0),
        "see": lambda: contains("/proc/%s/cmdline" % other, b"sleep"),
        "identity": lambda: read(os.environ["IDENTITY"]),
        "jobs": lambda: read(os.environ["JOBS"]),
        "models": lambda: read(os.environ["MODELS"]),
        "home": lambda: read(os.environ["KEYS"]),
        "repository": lambda: write(os.path.join(os.path.dirname(__file__), "written")),
        "elsewhere": lambda: write(os.environ["ELSEWHERE"]),
        "privileges": privileges,
        "network": lambda: connect(socket.AF_INET, ("127.0.0.1", int(os.environ["LISTENER"]))),
        "sockets": lambda: connect(socket.AF_UNIX, os.environ["SOCKET"]),
    }
    lines = []
    for name, attempt in tries.items():
        try:
            attempt()
            lines.append(name + "=yes")
        except OSError as error:
            lines.append("%s=no %s" % (name, error))
    return {"renderable": [], "downloadable": [{"media_type": "Text", "title": "Tries", "data": "\n".join(lines)}]}
