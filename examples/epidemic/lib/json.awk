# JSON read into nodes, and nodes written as JSON.
#
# A node is a number: Kind[node] is object, array, string, number, true, false or null; Scalar[node] the decoded string or
# the number as it was written; Count[node] how many children there are, Child[node, i] and Key[node, i] the i-th (from 1).

# Reads a whole text; returns its node, or 0 with JsonError set.
function json_read(text,    node) {
    JsonText = text
    JsonAt = 1
    JsonLength = length(text)
    JsonError = ""
    node = json_value(0)
    json_blank()
    if (JsonError == "" && JsonAt <= JsonLength) json_fail("nothing more")
    return JsonError == "" ? node : 0
}

function json_fail(expected) {
    if (JsonError == "") JsonError = "expected " expected " at character " JsonAt
    return 0
}

function json_new(kind, scalar) {
    Kind[++Nodes] = kind
    Scalar[Nodes] = scalar
    Count[Nodes] = 0
    return Nodes
}

function json_blank() {
    while (JsonAt <= JsonLength && index(" \t\r\n", substr(JsonText, JsonAt, 1))) JsonAt++
}

# Steps over one character if it comes next, after blanks.
function json_take(c) {
    json_blank()
    if (substr(JsonText, JsonAt, 1) != c) return 0
    JsonAt++
    return 1
}

function json_value(depth,    c) {
    if (depth > 100) return json_fail("at most 100 levels")
    json_blank()
    c = substr(JsonText, JsonAt, 1)
    if (c == "{") return json_object(depth)
    if (c == "[") return json_array(depth)
    if (c == "\"") return json_new("string", json_string())
    if (c == "t") return json_word("true")
    if (c == "f") return json_word("false")
    if (c == "n") return json_word("null")
    return json_number()
}

function json_word(word) {
    if (substr(JsonText, JsonAt, length(word)) != word) return json_fail("a value")
    JsonAt += length(word)
    return json_new(word, "")
}

function json_number(    start, text) {
    start = JsonAt
    while (JsonAt <= JsonLength && index("+-.0123456789eE", substr(JsonText, JsonAt, 1))) JsonAt++
    text = substr(JsonText, start, JsonAt - start)
    if (text !~ /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$/) {
        JsonAt = start
        return json_fail("a value")
    }
    return json_new("number", text)
}

function json_object(depth,    node, key, child) {
    node = json_new("object", "")
    JsonAt++
    if (json_take("}")) return node
    do {
        json_blank()
        if (substr(JsonText, JsonAt, 1) != "\"") return json_fail("a key in quotes")
        key = json_string()
        if (!json_take(":")) return json_fail("`:`")
        child = json_value(depth + 1)
        if (JsonError != "") return 0
        json_set(node, key, child)
    } while (json_take(","))
    return json_take("}") ? node : json_fail("`,` or `}`")
}

function json_array(depth,    node, child) {
    node = json_new("array", "")
    JsonAt++
    if (json_take("]")) return node
    do {
        child = json_value(depth + 1)
        if (JsonError != "") return 0
        json_append(node, child)
    } while (json_take(","))
    return json_take("]") ? node : json_fail("`,` or `]`")
}

# The string that starts at JsonAt, decoded to UTF-8. A NUL, which awk can't keep, becomes U+FFFD, as does half a pair.
function json_string(    out, c, code, low) {
    out = ""
    JsonAt++
    while (JsonAt <= JsonLength) {
        c = substr(JsonText, JsonAt++, 1)
        if (c == "\"") return out
        if (c ~ /[[:cntrl:]]/ && c != "\177") {
            JsonAt--
            return json_fail("an escape instead of a control character")
        }
        if (c != "\\") {
            out = out c
            continue
        }
        c = substr(JsonText, JsonAt++, 1)
        if (c == "u") {
            code = json_hex()
            if (code >= 55296 && code < 56320 && substr(JsonText, JsonAt, 2) == "\\u") {
                JsonAt += 2
                low = json_hex()
                if (low >= 56320 && low < 57344) code = 65536 + (code - 55296) * 1024 + low - 56320
                else JsonAt -= 6
            }
            out = out json_utf8(code)
        } else if (c == "n") out = out "\n"
        else if (c == "t") out = out "\t"
        else if (c == "r") out = out "\r"
        else if (c == "b") out = out "\b"
        else if (c == "f") out = out "\f"
        else if (c != "" && index("\"\\/", c)) out = out c
        else return json_fail("an escape")
        if (JsonError != "") return ""
    }
    return json_fail("the end of a string")
}

function json_hex(    i, digit, code) {
    code = 0
    for (i = 1; i <= 4; i++) {
        digit = substr(JsonText, JsonAt, 1)
        digit = digit == "" ? 0 : index("0123456789abcdef", tolower(digit))
        if (!digit) return json_fail("four hexadecimal digits")
        code = code * 16 + digit - 1
        JsonAt++
    }
    return code
}

function json_utf8(code) {
    if (code == 0 || (code >= 55296 && code < 57344)) code = 65533
    if (code < 128) return sprintf("%c", code)
    if (code < 2048) return sprintf("%c%c", 192 + int(code / 64), 128 + code % 64)
    if (code < 65536) return sprintf("%c%c%c", 224 + int(code / 4096), 128 + int(code / 64) % 64, 128 + code % 64)
    return sprintf("%c%c%c%c", 240 + int(code / 262144), 128 + int(code / 4096) % 64, 128 + int(code / 64) % 64, 128 + code % 64)
}

# The child of that key, or 0.
function json_get(node, key) {
    return (node, key) in ByKey ? Child[node, ByKey[node, key]] : 0
}

# Puts a child under a key. A key that is there already keeps its place, with the new child.
function json_set(node, key, child) {
    if (!((node, key) in ByKey)) {
        ByKey[node, key] = ++Count[node]
        Key[node, Count[node]] = key
    }
    Child[node, ByKey[node, key]] = child
}

function json_append(node, child) {
    Child[node, ++Count[node]] = child
}

# The child of that key; a new empty object if there is none, or something else.
function json_section(node, key,    child) {
    child = json_get(node, key)
    if (!child || Kind[child] != "object") {
        child = json_new("object", "")
        json_set(node, key, child)
    }
    return child
}

# A node as text.
function json_write(node,    i, out) {
    if (Kind[node] == "string") return json_quote(Scalar[node])
    if (Kind[node] == "number") return Scalar[node]
    out = ""
    if (Kind[node] == "object") {
        for (i = 1; i <= Count[node]; i++)
            out = out (i > 1 ? ", " : "") json_quote(Key[node, i]) ": " json_write(Child[node, i])
        return "{" out "}"
    }
    if (Kind[node] == "array") {
        for (i = 1; i <= Count[node]; i++) out = out (i > 1 ? ", " : "") json_write(Child[node, i])
        return "[" out "]"
    }
    return Kind[node]
}

# A string in quotes. Line by line, because most lines need no escape at all.
function json_quote(text,    lines, n, i, out) {
    n = split(text, lines, "\n")
    out = ""
    for (i = 1; i <= n; i++)
        out = out (i > 1 ? "\\n" : "") (lines[i] ~ /[[:cntrl:]"\\]/ ? json_escape(lines[i]) : lines[i])
    return "\"" out "\""
}

function json_escape(line,    i, c, out) {
    if (!JsonEscapesReady++) {
        for (i = 1; i < 32; i++) JsonEscapes[sprintf("%c", i)] = sprintf("\\u%04x", i)
        JsonEscapes["\t"] = "\\t"
        JsonEscapes["\r"] = "\\r"
        JsonEscapes["\""] = "\\\""
        JsonEscapes["\\"] = "\\\\"
    }
    out = ""
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        out = out (c in JsonEscapes ? JsonEscapes[c] : c)
    }
    return out
}
