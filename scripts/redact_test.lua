local function body(text_in)
  return test.run("redact", {topic = "customers", body = text_in})
end

test.case("known fields are masked, however deep they lie", function()
  local result = body('{"name":"A","card_number":"4111111111111111","contact":[{"email":"ann@example.com"}],"password":"p"}')
  local document = gantry.json.decode(result.body)
  test.equal("************1111", document.card_number)
  test.equal("***@example.com", document.contact[1].email)
  test.equal("", document.password)
  test.equal("A", document.name)
end)

test.case("what holds nothing of it stays byte for byte", function()
  local result = body('{ "name" : "A" }')
  test.equal('{ "name" : "A" }', result.body)
  assert(not result.changed)
end)

test.case("what is no JSON passes", function()
  test.equal("plain text", body("plain text").body)
  test.equal("17", body("17").body)
end)
