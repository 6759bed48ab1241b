-- Takes personal data out of JSON bodies before they are stored: card numbers keep their last four digits, mail addresses
-- their domain, passwords nothing. Bodies that are no JSON pass as they are.

local function mask_mail(value)
  local at = text.find(value, "@")
  if not at then return text.mask(value) end
  return text.mask(value:sub(1, at - 1)) .. value:sub(at)
end

local rules = {
  card_number = function(value) return text.mask(value, 0, 4) end,
  email = mask_mail,
  password = function() return "" end,
}

local function redact(value)
  local changed = false
  for key, entry in pairs(value) do
    local rule = rules[key]
    if rule and type(entry) == "string" then
      value[key] = rule(entry)
      changed = true
    elseif type(entry) == "table" then
      changed = redact(entry) or changed
    end
  end
  return changed
end

gantry.hook{
  name = "redact",
  version = "1",
  on = "on_publish",
  topics = "customers*",
  run = function(msg)
    local document = gantry.json.decode(msg.body)
    if type(document) ~= "table" then return end
    if redact(document) then msg.body = gantry.json.encode(document) end
  end,
}
