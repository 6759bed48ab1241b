-- Two lanes in one topic: the first quarter of the queues is for urgent messages, the rest for everything else. Consumers
-- that take the urgent queues have little in front of them.

gantry.hook{
  name = "priority_lanes",
  version = "1",
  on = "select_queue",
  when = "always",
  topics = "jobs",
  run = function(msg)
    local count = msg.queue_count
    if count < 2 then return end
    local urgent = math.max(count // 4, 1)
    local key = msg.keys or msg.id or ""
    if msg.properties.priority == "high" then return gantry.bucket(key, urgent) end
    return urgent + gantry.bucket(key, count - urgent)
  end,
}
