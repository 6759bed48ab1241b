local function check(body)
  return test.run("schema_check", {topic = "orders-json", body = body})
end

test.case("a good order passes", function()
  assert(check('{"order_id":"1","amount":100,"currency":"EUR","lines":[1]}').accepted)
end)

test.case("the reason names field, expected and found", function()
  local result = check('{"order_id":"1","amount":"100","currency":"EUR","lines":[1]}')
  assert(not result.accepted)
  test.equal("expected 'amount' as integer, found string", result.reason)
  test.equal("expected 'order_id' as string, found nil", check("{}").reason)
  test.equal("expected at least one entry in 'lines'",
             check('{"order_id":"1","amount":1,"currency":"EUR","lines":[]}').reason)
end)

test.case("broken JSON is refused with the position", function()
  assert(text.contains(check('{"order_id":').reason, "at byte"))
end)
