-- Messages of one order go to one queue, so that they are consumed in their order.
--
-- With when = "always" it overrules what the producer's client chose (clients always choose); leave it out for producers
-- that send -1 as the queue.

gantry.hook{
  name = "order_key",
  version = "1",
  on = "select_queue",
  when = "always",
  topics = {"orders", "orders-*"},
  run = function(msg)
    local key = msg.properties.order_id or msg.properties.__SHARDINGKEY or msg.keys
    if key then return gantry.bucket(key, msg.queue_count) end
  end,
}
