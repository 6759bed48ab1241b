#include "kernel/routing/registration.hpp"

#include "kernel/env/clock.hpp"
#include "kernel/routing/name_server.hpp"
#include "protocol/frame.hpp"
#include "protocol/frame_writer.hpp"
#include "protocol/responses.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace gantry::routing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class RegistrationTest : public ::testing::Test {
 protected:
  /// Carries a frame to the name server; what it answered comes back as decode_answer() reads it.
  Result<RegistrationReply> carry(const protocol::ByteBuffer& frame, bool trusted = true) {
    const protocol::CutResult cut = protocol::cut_frame(frame.view());
    EXPECT_EQ(cut.outcome, protocol::CutOutcome::frame);
    EXPECT_EQ(cut.frame.size, frame.size());
    protocol::HeaderView header;
    EXPECT_TRUE(protocol::decode_header(cut.frame, header));
    protocol::Scratch scratch;
    const NameServerResponse response =
        server_.handle({header, cut.frame.body, scratch, ChannelId(1), "10.0.0.1:1", "h", trusted, false});
    protocol::ByteBuffer answer;
    protocol::FrameWriter writer(answer, protocol::response_meta(header, response.code, response.remark));
    for (const auto& [key, value] : response.fields) writer.field(key, std::string_view(value));
    writer.finish();
    protocol::HeaderView decoded;
    EXPECT_TRUE(protocol::decode_header(protocol::cut_frame(answer.view()).frame, decoded));
    return Registration::decode_answer(decoded);
  }
  void add(std::string name, std::int32_t perm = 6) {
    TopicRequest request;
    request.config.topic_name = std::move(name);
    request.config.perm = perm;
    ASSERT_TRUE(topics_.put(request));
  }
  std::optional<protocol::TopicRouteData> route(std::string_view topic) {
    return routes_.route({topic, "192.168.0.1", {}});
  }

  FakeClock clock_;
  TopicTable topics_{TopicOptions{}, clock_};
  RouteTable routes_{clock_};
  KvConfig kv_;
  NameServer server_{routes_, kv_, clock_};
  RegistrationOptions options_;
};

TEST_F(RegistrationTest, an_external_name_server_understands_the_frames) {
  add("T");
  options_.advertise = "gantry.example:10911";
  const Registration registration(topics_, clock_, options_);
  const auto frames = registration.encode_registration(7, "10.0.0.5");
  ASSERT_TRUE(frames);
  ASSERT_EQ(frames->size(), 1u);
  ASSERT_TRUE(carry((*frames)[0]));
  EXPECT_EQ(route("T")->brokers[0].addresses.at(0), "gantry.example:10911");
  ASSERT_TRUE(carry(registration.encode_unregistration(8, "10.0.0.5")));
  EXPECT_FALSE(route("T"));
}

TEST_F(RegistrationTest, without_an_advertised_address_ours_of_the_connection_is_registered) {
  const Registration registration(topics_, clock_, options_);
  ASSERT_TRUE(carry((*registration.encode_registration(1, "10.0.0.5"))[0]));
  EXPECT_EQ(route("TBW102")->brokers[0].addresses.at(0), "10.0.0.5:10911");
  ASSERT_TRUE(carry(registration.encode_unregistration(2, "10.0.0.5")));
  EXPECT_FALSE(route("TBW102"));
}

TEST_F(RegistrationTest, a_refusal_carries_the_name_servers_remark) {
  const Registration registration(topics_, clock_, options_);
  const auto answer = carry((*registration.encode_registration(1, "10.0.0.5"))[0], false);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::permission_denied);
  EXPECT_NE(answer.error().text.find("nameserver.trusted"), std::string::npos);
}

TEST_F(RegistrationTest, permissions_are_masked_only_when_the_broker_lacks_one) {
  add("T");
  EXPECT_TRUE(Registration(topics_, clock_, options_).register_with(routes_));
  EXPECT_EQ(route("TBW102")->queues[0].perm, 7);
  options_.permission = 4;
  add("V");
  EXPECT_TRUE(Registration(topics_, clock_, options_).register_with(routes_));
  EXPECT_EQ(route("T")->queues[0].perm, 4);
  EXPECT_EQ(route("TBW102")->queues[0].perm, 4);
}

TEST_F(RegistrationTest, the_embedded_name_server_follows_every_change) {
  const Registration registration(topics_, clock_, options_);
  topics_.listen([&](const TopicChange& change) { registration.apply_change(routes_, change); });
  ASSERT_TRUE(registration.register_with(routes_));
  EXPECT_FALSE(route("T"));
  add("T");
  ASSERT_TRUE(route("T"));
  EXPECT_EQ(route("T")->brokers[0].addresses.at(0), "192.168.0.1:10911");
  add("T", 4);
  EXPECT_EQ(route("T")->queues[0].perm, 4);
  ASSERT_TRUE(topics_.remove("T"));
  EXPECT_FALSE(route("T"));
  registration.unregister_from(routes_);
  EXPECT_FALSE(route("TBW102"));
}

TEST_F(RegistrationTest, concurrent_changes_leave_the_name_server_with_the_last_state) {
  const Registration registration(topics_, clock_, options_);
  topics_.listen([&](const TopicChange& change) { registration.apply_change(routes_, change); });
  ASSERT_TRUE(registration.register_with(routes_));
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 200; ++i) {
        TopicRequest request;
        request.config.topic_name = "T";
        request.config.read_queue_count = 1 + (i * 3 + t) % 50;
        EXPECT_TRUE(topics_.put(request));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(route("T")->queues[0].read_queue_count, topics_.find("T")->read_queues());
}

TEST_F(RegistrationTest, is_due_at_the_start_every_interval_and_soon_after_changes) {
  Registration registration(topics_, clock_, options_);
  EXPECT_TRUE(registration.due());
  registration.sent();
  EXPECT_FALSE(registration.due());
  EXPECT_EQ(registration.next_due_in(), seconds(30));
  for (int i = 0; i < 1000; ++i) registration.note_change();
  EXPECT_EQ(registration.next_due_in(), seconds(1));
  clock_.advance(milliseconds(999));
  EXPECT_FALSE(registration.due());
  clock_.advance(milliseconds(1));
  EXPECT_TRUE(registration.due());
  registration.sent();
  clock_.advance(seconds(29));
  EXPECT_FALSE(registration.due());
  clock_.advance(seconds(5));
  EXPECT_TRUE(registration.due());
  EXPECT_EQ(registration.next_due_in(), milliseconds(0));
}

}  // namespace
}  // namespace gantry::routing
