test.case("one order, one queue", function()
  local first = test.run("order_key", {properties = {order_id = "4711"}, queue_count = 16}).queue
  for _ = 1, 10 do
    test.equal(first, test.run("order_key", {properties = {order_id = "4711"}, queue_count = 16}).queue)
  end
end)

test.case("orders spread over all queues", function()
  local used, count = {}, 0
  for i = 1, 200 do
    local queue = test.run("order_key", {keys = "order-" .. i, queue_count = 8}).queue
    assert(queue >= 0 and queue < 8)
    if not used[queue] then
      used[queue] = true
      count = count + 1
    end
  end
  test.equal(8, count)
end)

test.case("without a key the producer's choice stands", function()
  test.equal(nil, test.run("order_key", {}).queue)
end)
