local function route(properties)
  return test.run("canary", {topic = "payments", properties = properties}).topic
end

test.case("the header decides", function()
  test.equal("payments-canary", route{canary = "always"})
  test.equal("payments", route{canary = "never", user = "u"})
end)

test.case("about five percent of the users are chosen", function()
  local count = 0
  for i = 1, 2000 do
    if route{user = "user-" .. i} == "payments-canary" then count = count + 1 end
  end
  assert(count > 60 and count < 140, count)
end)

test.case("a user stays on its side", function()
  for i = 1, 50 do
    local user = "user-" .. i
    test.equal(route{user = user}, route{user = user})
  end
end)

test.case("without anything to tell messages apart they stay", function()
  test.equal("payments", route{})
end)
