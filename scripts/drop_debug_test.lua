local function delivered(message)
  return test.run("drop_debug", message).accepted
end

test.case("debug messages do not reach production groups", function()
  assert(not delivered{group = "billing", tags = "debug"})
  assert(not delivered{group = "billing", properties = {level = "debug"}})
  assert(delivered{group = "billing", tags = "paid"})
  assert(delivered{group = "billing"})
end)

test.case("debug groups see everything", function()
  assert(delivered{group = "debug-ann", tags = "debug"})
end)
