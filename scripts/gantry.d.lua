---@meta
-- What scripts of Gantry may use, for editors (LuaCATS). Not a script: it is never loaded.

---The properties of a message. Names and values are texts; a name that is absent reads as nil. Assigning nil removes.
---@class gantry.Properties
---@field [string] string?

---The message that a hook sees.
---@class gantry.Message
---@field topic string Its topic; on_publish and on_send_back may change it
---@field tags string? Its tag; may be changed like a property
---@field keys string? Its keys, separated by blanks; may be changed like a property
---@field id string? The unique key that its producer gave it
---@field body string Its body, decompressed; may be changed
---@field body_size integer The size of the body as it is stored
---@field group string The producer group (publishing) or consumer group (filters)
---@field born_ms integer When it was made, milliseconds since 1970
---@field store_ms integer When it was stored; 0 while it is published
---@field queue_id integer Its queue; on_publish may change it
---@field queue_count integer How many queues its topic has for writing; 0 for stored messages
---@field queue_offset integer Its offset in its queue; 0 while it is published
---@field flag integer The application's flag; may be changed
---@field sys_flag integer RocketMQ's bits
---@field reconsume_count integer How often it was delivered in vain
---@field born_host string The address of its producer
---@field properties gantry.Properties

---@class gantry.Hook
---@field name string
---@field version? string
---@field on "filter"|"on_publish"|"select_queue"|"on_deliver"|"on_send_back"|"function"
---@field topics? string|string[] Patterns: * is any run of characters, ? any single one
---@field groups? string|string[]
---@field when? "open"|"always" Of select_queue: only where the producer did not choose, or always
---@field run fun(msg: gantry.Message, ...): ...

---@class gantry.TestResult
---@field accepted boolean
---@field reason string?
---@field code integer?
---@field queue integer?
---@field topic string
---@field body string
---@field flag integer
---@field queue_id integer
---@field changed boolean
---@field properties table<string, string>

---@class gantry.Test
---@field case fun(name: string, run: fun())
---@field run fun(hook: string, message: table): gantry.TestResult
---@field call fun(name: string, ...): any
---@field equal fun(expected: any, found: any)

gantry = {}
---@type gantry.Message
gantry.msg = nil
gantry.api_version = "1"
---Declares a hook, while the script is loaded.
---@param hook gantry.Hook
function gantry.hook(hook) end
---Runs whenever the script is loaded; an error keeps the version before.
---@param run fun(test: gantry.Test)
function gantry.self_test(run) end
---Writes to the broker's log, at most ten lines a second.
function gantry.log(...) end
function gantry.warn(...) end
---A 64-bit hash that is the same everywhere and always.
---@param text string
---@return integer
function gantry.hash(text) end
---0 to count - 1, the same for the same text everywhere.
---@param text string
---@param count integer
---@return integer
function gantry.bucket(text, count) end
---Milliseconds since 1970.
---@return integer
function gantry.now_ms() end
---Whether the key was seen within the window, by any thread; otherwise it is seen now. In publishing hooks only.
---@param key string
---@param window_ms integer
---@return boolean
function gantry.seen(key, window_ms) end

gantry.json = {null = nil}
---@param json string
---@return any value, string? problem
function gantry.json.decode(json) end
---@param value any
---@return string
function gantry.json.encode(value) end

text = {}
---@return integer? first, integer? last
function text.find(s, needle, from) end
---@return boolean
function text.contains(s, needle) end
---@return boolean
function text.starts_with(s, prefix) end
---@return boolean
function text.ends_with(s, suffix) end
---@return string
function text.trim(s) end
---@return string[]
function text.split(s, separator, most) end
---@return string replaced, integer count
function text.replace(s, old, new, most) end
---@return boolean
function text.glob(s, pattern) end
---@return string
function text.hex(s) end
---@return string
function text.mask(s, keep_first, keep_last) end

---In test files and self-tests only.
---@type gantry.Test
test = nil
