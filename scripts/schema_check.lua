-- Refuses orders whose JSON body is not what consumers expect, and says what is wrong with it.

local schema = {
  {"order_id", "string"},
  {"amount", "integer"},
  {"currency", "string"},
  {"lines", "table"},
}

local function type_of(value)
  if math.type(value) == "integer" then return "integer" end
  return type(value)
end

gantry.hook{
  name = "schema_check",
  version = "1",
  on = "on_publish",
  topics = "orders-json",
  run = function(msg)
    local order, problem = gantry.json.decode(msg.body)
    if order == nil then return false, problem end
    if type(order) ~= "table" then return false, "expected a JSON object, found a " .. type(order) end
    for _, field in ipairs(schema) do
      local name, expected = field[1], field[2]
      local found = type_of(order[name])
      if found ~= expected then
        return false, "expected '" .. name .. "' as " .. expected .. ", found " .. found
      end
    end
    if #order.lines == 0 then return false, "expected at least one entry in 'lines'" end
  end,
}
