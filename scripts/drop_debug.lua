-- Keeps debug traffic from the groups that work in production: it is stored, and groups named debug-* get it.

gantry.hook{
  name = "drop_debug",
  version = "1",
  on = "filter",
  topics = "*",
  run = function(msg)
    if text.starts_with(msg.group, "debug-") then return true end
    return msg.tags ~= "debug" and msg.properties.level ~= "debug"
  end,
}
