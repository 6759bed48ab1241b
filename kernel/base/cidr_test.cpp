// Concern: an address is in a set exactly when one of its ranges covers it; what is unclear is refused.
#include "kernel/base/cidr.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <cstring>

namespace gantry {
namespace {

CidrSet set_of(std::vector<std::string> entries) {
  auto set = CidrSet::parse(entries);
  EXPECT_TRUE(set) << set.error().text;
  return *std::move(set);
}

bool contains(const CidrSet& set, const char* ip) {
  gantry_address address{};
  if (inet_pton(AF_INET, ip, address.ip) == 1) {
    address.ip_size = 4;
  } else {
    EXPECT_EQ(inet_pton(AF_INET6, ip, address.ip), 1) << ip;
    address.ip_size = 16;
  }
  return set.contains(address);
}

TEST(CidrSetTest, refuses_what_is_not_a_range) {
  for (const char* bad : {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x", "10.0.0/8", "::/129", "host",
                          "10.0.0.1/8", "fd00::1/8", "loopback/8", "1.2.3.4/8/8", " 10.0.0.0/8"}) {
    const std::vector<std::string> entries{bad};
    const auto set = CidrSet::parse(entries);
    ASSERT_FALSE(set) << bad;
    EXPECT_NE(set.error().text.find(bad), std::string::npos);
  }
}

TEST(CidrSetTest, too_many_ranges_are_refused) {
  EXPECT_FALSE(CidrSet::parse(std::vector<std::string>(CidrSet::ranges_max + 1, "10.0.0.0/8")));
}

TEST(CidrSetTest, an_empty_set_contains_nothing) {
  EXPECT_FALSE(contains(CidrSet(), "127.0.0.1"));
  EXPECT_TRUE(CidrSet().empty());
}

TEST(CidrSetTest, addresses_of_impossible_size_are_in_no_set) {
  const CidrSet any = set_of({"any"});
  gantry_address address{};
  for (const std::uint32_t size : {0U, 3U, 17U, 4'000'000'000U}) {
    address.ip_size = size;
    EXPECT_FALSE(any.contains(address));
  }
}

TEST(CidrSetTest, prefixes_end_at_the_bit) {
  const CidrSet set = set_of({"172.16.0.0/12", "192.168.1.7", "fc00::/7"});
  EXPECT_TRUE(contains(set, "172.31.255.255"));
  EXPECT_FALSE(contains(set, "172.32.0.0"));
  EXPECT_FALSE(contains(set, "172.15.255.255"));
  EXPECT_TRUE(contains(set, "192.168.1.7"));
  EXPECT_FALSE(contains(set, "192.168.1.8"));
  EXPECT_TRUE(contains(set, "fd00::1"));
  EXPECT_FALSE(contains(set, "fe00::1"));
  EXPECT_FALSE(contains(set, "2001:db8::1"));
}

TEST(CidrSetTest, words_stand_for_ranges) {
  const CidrSet loopback = set_of({"loopback"});
  EXPECT_TRUE(contains(loopback, "127.0.0.1"));
  EXPECT_TRUE(contains(loopback, "127.9.9.9"));
  EXPECT_TRUE(contains(loopback, "::1"));
  EXPECT_FALSE(contains(loopback, "10.0.0.1"));
  EXPECT_FALSE(contains(loopback, "::2"));
  const CidrSet net = set_of({"private"});
  EXPECT_TRUE(contains(net, "10.1.2.3"));
  EXPECT_TRUE(contains(net, "fe80::1"));
  EXPECT_FALSE(contains(net, "8.8.8.8"));
  const CidrSet any = set_of({"any"});
  EXPECT_TRUE(contains(any, "8.8.8.8"));
  EXPECT_TRUE(contains(any, "2001:db8::1"));
}

TEST(CidrSetTest, mapped_v4_counts_as_v4) {
  EXPECT_TRUE(contains(set_of({"127.0.0.0/8"}), "::ffff:127.0.0.1"));
  EXPECT_FALSE(contains(set_of({"127.0.0.0/8"}), "::127.0.0.1"));
  EXPECT_TRUE(contains(set_of({"::ffff:10.0.0.0/104"}), "10.1.1.1"));
}

TEST(CidrSetTest, zero_prefix_of_v4_is_all_of_v4_only) {
  const CidrSet set = set_of({"0.0.0.0/0"});
  EXPECT_TRUE(contains(set, "255.255.255.255"));
  EXPECT_FALSE(contains(set, "::1"));
}

}  // namespace
}  // namespace gantry
