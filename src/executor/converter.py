# Makes strict JSON of what a model returned, where it is not JSON as it is. Runs in the harness's globals.
#
# NaN and infinities become null: JSON has no word for them, and every strict reader refuses a file that holds one.
# Bytes become base64 text in media that are binary and are decoded as UTF-8 in all others. Keys become text. What
# numpy and pandas return is asked for its plain value (`item`, `tolist`) without importing either.
import base64 as _base64

_BINARY = ("PNG", "JPEG", "MP3", "MP4", "HDF5", "PDF")
_DEEPEST = 120  # what csw's JSON reader takes is a little deeper


def convert(result, name):
    value = _plain(result, name, 0, None)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")  # half a surrogate pair is not text: it becomes `?`


def _plain(value, where, depth, media):
    kind = type(value)
    if value is None or kind is bool or kind is int or kind is str:
        return value
    if isinstance(value, float):
        return float(value) if value - value == 0 else None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if depth > _DEEPEST:
        raise ValueError("%s is nested too deeply, or holds itself" % where)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _text(bytes(value), where, media)
    if hasattr(kind, "keys") and hasattr(kind, "__getitem__") and not hasattr(kind, "to_dict"):
        inner = value["media_type"] if "media_type" in value and "data" in value else media
        plain = {}
        for key in value.keys():
            name = _key(key)
            if name in plain:
                raise TypeError("%s has two keys that are %r as text" % (where, name))
            plain[name] = _plain(value[key], "%s[%r]" % (where, key), depth + 1, inner)
        return plain
    if isinstance(value, (list, tuple)):
        return [_plain(v, "%s[%d]" % (where, i), depth + 1, media) for i, v in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        try:
            ordered = sorted(value)
        except TypeError:
            ordered = sorted(value, key=repr)
        return [_plain(v, "%s{%r}" % (where, v), depth + 1, media) for v in ordered]
    fields = getattr(kind, "__dataclass_fields__", None)
    if fields is not None:
        return {n: _plain(getattr(value, n), "%s.%s" % (where, n), depth + 1, media) for n in fields}
    names = {base.__module__.split(".")[0] + "." + base.__name__ for base in kind.__mro__}
    if names & {"decimal.Decimal", "fractions.Fraction"}:
        try:
            whole = int(value)
        except (OverflowError, ValueError):
            return None  # a Decimal may be no number, or infinite
        if value == whole and abs(whole) >= 2**53:
            return whole
        number = float(value)
        if "decimal.Decimal" in names and value != type(value)(repr(number)):
            raise ValueError("%s has more digits than a JSON number holds; return str(...) of it" % where)
        return number
    if names & {"datetime.date", "datetime.time"}:
        # pandas' missing time is a datetime without a date.
        return None if value != value else value.isoformat()
    if names & {"pathlib.PurePath", "uuid.UUID"}:
        return str(value)
    if "enum.Enum" in names:
        return _plain(value.value, where, depth + 1, media)
    for method in ("tolist", "item", "to_dict"):  # numpy arrays and scalars, pandas
        if callable(getattr(kind, method, None)):
            plain = getattr(value, method)()
            if type(plain) is not kind:
                return _plain(plain, where, depth + 1, media)
    raise TypeError(
        "%s is of type %s.%s, which can't be written as JSON" % (where, kind.__module__, kind.__qualname__)
    )


def _key(key):
    if isinstance(key, str):
        return str(key)
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    return str(key)


def _text(data, where, media):
    if media in _BINARY:
        return _base64.b64encode(data).decode("ascii")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TypeError(
            "%s is bytes that are not UTF-8 text (%s); bytes are for the media types %s"
            % (where, error, ", ".join(_BINARY))
        ) from None
