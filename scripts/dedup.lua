-- Refuses a message whose key was published within the last ten minutes, by whichever producer: retries of an
-- application that forgot that it has sent already.
--
-- All threads of a broker remember together; brokers do not know of each other, so producers should keep a key on one
-- broker.

local window_ms = 10 * 60 * 1000

gantry.hook{
  name = "dedup",
  version = "1",
  on = "on_publish",
  topics = "invoices",
  run = function(msg)
    local key = msg.keys
    if key and gantry.seen(msg.topic .. "/" .. key, window_ms) then
      return false, "the key '" .. key .. "' was published within the last ten minutes"
    end
  end,
}
