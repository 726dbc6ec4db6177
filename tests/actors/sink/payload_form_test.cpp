#include "actors/sink/payload_form.hpp"

#include <gtest/gtest.h>

namespace fleetgate::sink {
namespace {

using namespace std::string_view_literals;

payload_form of(std::string_view content_type, std::string_view payload) {
  return form_of(content_type, as_bytes(payload));
}

TEST(payload_form_of, clean_text_of_a_textual_type_is_text) {
  for (const auto type :
       {"application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "text/plain",
        "text/csv ;header=present", "application/senml+json", "image/svg+xml", "application/xml"}) {
    EXPECT_EQ(of(type, "{}"), payload_form::text) << type;
  }
}

TEST(payload_form_of, clean_text_without_a_type_is_text) {
  EXPECT_EQ(of("", "21.5"), payload_form::text);
  EXPECT_EQ(of("", "na\xc3\xafve"), payload_form::text);
  EXPECT_EQ(of("", ""), payload_form::text);
}

TEST(payload_form_of, a_binary_type_is_a_blob_also_where_its_bytes_are_text) {
  for (const auto type : {"application/octet-stream", "application/msgpack", "application/cbor",
                          "image/png", "json", "+json"}) {
    EXPECT_EQ(of(type, "abcd"), payload_form::blob) << type;
  }
}

TEST(payload_form_of, unclean_text_is_a_blob_whatever_its_type) {
  for (const auto payload : {"a\0b"sv, "\xff"sv, "\xc0\x80"sv, "\xed\xa0\x80"sv}) {
    EXPECT_EQ(of("application/json", payload), payload_form::blob);
    EXPECT_EQ(of("", payload), payload_form::blob);
  }
}

}  // namespace
}  // namespace fleetgate::sink
