gantry.hook{name = "a", on = "filter", run = function(msg) while true do pcall(coroutine.wrap(function() while true do end end)) end end}
gantry.hook{name = "b", on = "on_publish", run = function(msg) local t = {} while true do t[#t + 1] = {} end end}
gantry.hook{name = "c", on = "function", run = function(a, b) return gantry.json.encode(gantry.json.decode(a)) end}
gantry.hook{name = "d", on = "select_queue", run = function(msg) return -1 end}
gantry.hook{name = "e", on = "on_deliver", run = function(msg) error(setmetatable({}, {__tostring = error})) end}
