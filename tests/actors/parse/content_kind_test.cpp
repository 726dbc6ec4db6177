#include "actors/parse/content_kind.hpp"

#include <gtest/gtest.h>

namespace fleetgate::parse {
namespace {

TEST(content_kind, json_has_many_names) {
  for (const auto* type : {"application/json", "APPLICATION/JSON",
                           "application/json; charset=utf-8", " application/json ;x=y", "text/json",
                           "application/senml+json", "application/vnd.acme.v2+JSON"}) {
    EXPECT_EQ(kind_of(type), content_kind::json) << type;
  }
}

TEST(content_kind, messagepack_has_many_names) {
  for (const auto* type :
       {"application/msgpack", "application/x-msgpack", "application/vnd.msgpack",
        "Application/X-MsgPack; v=1", "application/foo+msgpack"}) {
    EXPECT_EQ(kind_of(type), content_kind::msgpack) << type;
  }
}

TEST(content_kind, everything_else_is_unknown) {
  for (const auto* type :
       {"", ";", "text/plain", "json", "+json", "application/jsonx", "application/json-seq",
        "text/plain; x=application/json", "application/cbor", "application/ json"}) {
    EXPECT_EQ(kind_of(type), content_kind::unknown) << type;
  }
}

}  // namespace
}  // namespace fleetgate::parse
