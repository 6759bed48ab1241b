-- Sends a share of the messages to the topic that the new version of the consumers reads.
--
-- Who carries the header 'canary' decides itself. Of the others, the same user is always on the same side, on every
-- broker and after every restart.

local percent = 5
local canary_topic = "payments-canary"

gantry.hook{
  name = "canary",
  version = "1",
  on = "on_publish",
  topics = "payments",
  run = function(msg)
    local properties = msg.properties
    local wish = properties.canary
    local chosen = wish == "always"
    if wish == nil then
      local user = properties.user or msg.keys or msg.id
      chosen = user ~= nil and gantry.bucket(user, 100) < percent
    end
    if chosen then
      properties.canary = "yes"
      msg.topic = canary_topic
    end
  end,
}
