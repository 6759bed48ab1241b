local function queue(priority, key, count)
  return test.run("priority_lanes", {topic = "jobs", keys = key, properties = {priority = priority}, queue_count = count}).queue
end

test.case("the lanes do not mix", function()
  for i = 1, 100 do
    assert(queue("high", "k" .. i, 8) < 2)
    assert(queue("low", "k" .. i, 8) >= 2)
  end
end)

test.case("small topics still have two lanes", function()
  test.equal(0, queue("high", "k", 2))
  test.equal(1, queue("low", "k", 2))
  test.equal(nil, queue("high", "k", 1))
end)
