-- Functions for SQL92 expressions of subscriptions:
--
--   amount > 100 AND risk(country) < 3
--   region(country) = 'eu'

local regions = {
  de = "eu", fr = "eu", it = "eu", pl = "eu",
  us = "na", ca = "na",
  jp = "apac", cn = "apac",
}

local risks = {eu = 1, na = 1, apac = 2}

local function region(country)
  if type(country) ~= "string" then return nil end
  return regions[country:lower()]
end

gantry.hook{name = "region", version = "1", on = "function", run = region}

gantry.hook{
  name = "risk",
  on = "function",
  run = function(country)
    local where = region(country)
    return where and risks[where] or 9
  end,
}

-- The same as a filter of its own, for clients without SQL: subscribe with lua:from_region('eu').
gantry.hook{
  name = "from_region",
  on = "filter",
  run = function(msg, wanted)
    return region(msg.properties.country) == wanted
  end,
}
