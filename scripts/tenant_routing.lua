-- Tenants that have a topic of their own get their messages there; the others share one.
--
-- A message without a tenant is refused with a reason that its producer's log shows.

local own_topic = {
  acme = "orders-acme",
  globex = "orders-globex",
}

gantry.hook{
  name = "tenant_routing",
  version = "1",
  on = "on_publish",
  topics = "orders",
  run = function(msg)
    local tenant = msg.properties.tenant
    if not tenant then
      return false, "every message to 'orders' needs the property 'tenant'"
    end
    local topic = own_topic[tenant]
    if topic then msg.topic = topic end
  end,
}

gantry.self_test(function(test)
  assert(test.run("tenant_routing", {topic = "orders", properties = {tenant = "acme"}}).topic == "orders-acme")
end)
