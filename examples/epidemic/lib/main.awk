# One request in, one result out.

{ Request = Request (NR > 1 ? "\n" : "") $0 }

END {
    # Nothing is written before everything that can fail has succeeded.
    print answer(Request)
}

function die(message) {
    print "epidemic: " message | "cat >&2"
    close("cat >&2")
    exit 1
}

# The object of that key in the request; a new empty one if it is absent or null.
function argument(request, key,    node) {
    node = json_get(request, key)
    if (node && Kind[node] != "object" && Kind[node] != "null") die("`" key "` must be an object")
    return node && Kind[node] == "object" ? node : json_new("object", "")
}

function answer(text,    request, task, problems) {
    request = json_read(text)
    if (!request) die("the request is not valid JSON: " JsonError)
    if (Kind[request] != "object") die("the request must be an object")
    task = json_get(request, "task")
    task = task ? Scalar[task] : ""
    if (task == "version") return "{\"version\": \"1.0.0\"}"
    if (task != "defaults" && task != "parse" && task != "sim")
        die("unknown task " json_quote(task) ": expected version, defaults, parse or sim")

    problems = argument(request, "errors_warnings")
    read_meta(argument(request, "meta_param_dict"), problems)
    if (task != "defaults") read_adjustment(argument(request, "adjustment"), problems)
    if (task == "parse") {
        complain(problems, "Epidemic", "", "", "")
        return "{\"errors_warnings\": " json_write(problems) "}"
    }
    if (Summary != "") die(Summary)
    if (task == "defaults") return inputs_json()
    simulate()
    return outputs_json()
}
