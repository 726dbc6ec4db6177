// Every normative check of a receiving server, one row each: the bytes, the fault that closes the
// session, and the exact answer the version has for it.
#include <gtest/gtest.h>

#include <random>

#include "tests/protocol/mqtt/support.hpp"

namespace fleetgate::mqtt {
namespace {

enum class before { connect, v3, v5 };
constexpr int silence = -1;

struct row {
  const char* name;
  before when;       // what the session has seen: nothing, or an accepted CONNECT
  const char* spec;  // see bytes_of
  fault_code code;
  int reason = silence;  // of the CONNACK (first packet) or the DISCONNECT
};

constexpr auto malformed = fault_code::malformed_packet;
constexpr auto protocol = fault_code::protocol_error;
constexpr auto version = fault_code::unsupported_protocol_version;

const row connect_rows[] = {
    // What is no CONNECT at all: the version is not known, so nothing can be said.
    {"http", before::connect, "'GET / HTTP/1.1'", malformed},
    {"tls_client_hello", before::connect, "16 0301 0200", malformed},
    {"zero_bytes", before::connect, "00 00", malformed},
    {"all_ones", before::connect, "FF FF", malformed},
    {"connect_with_flags", before::connect, "11 ## s'MQTT' 05 02 003C 00 s'id'", malformed},
    {"publish_first", before::connect, "30 ## s't' 'x'", protocol},
    {"pingreq_first", before::connect, "C0 00", protocol},
    {"subscribe_first", before::connect, "82 ## 0001 s'a' 00", protocol},
    {"disconnect_first", before::connect, "E0 00", protocol},
    {"auth_first", before::connect, "F0 00", protocol},
    {"connack_first", before::connect, "20 02 0000", protocol},
    {"length_of_five_bytes", before::connect, "10 80808080 01", malformed},
    {"declares_256_MiB", before::connect, "10 FFFFFF7F s'MQTT' 04 02 003C",
     fault_code::packet_too_large},
    {"just_above_64_KiB", before::connect, "10 FDFF03 s'MQTT' 05 02 003C",
     fault_code::packet_too_large, 0x95},
    {"too_large_and_no_name", before::connect, "10 FDFF03 FFFFFFFF FFFFFFFF FF",
     fault_code::packet_too_large},
    {"empty_body", before::connect, "10 00", malformed},
    {"ends_in_name_length", before::connect, "10 01 00", malformed},
    {"name_longer_than_packet", before::connect, "10 04 00FF 4D51", malformed},
    {"ends_before_version", before::connect, "10 ## s'MQTT'", malformed},
    // Name and version.
    {"mqtt_3_1", before::connect, "10 ## s'MQIsdp' 03 02 003C s'id'", version, 0x01},
    {"wrong_name_v4", before::connect, "10 ## s'MQTX' 04 02 003C s'id'", version, 0x01},
    {"wrong_name_v5", before::connect, "10 ## s'mqtt' 05 02 003C 00 s'id'", version, 0x84},
    {"name_with_zero", before::connect, "10 ## 0004 4D510054 05 02 003C 00 s'id'", version, 0x84},
    {"version_0", before::connect, "10 ## s'MQTT' 00 02 003C s'id'", version, 0x01},
    {"version_3", before::connect, "10 ## s'MQTT' 03 02 003C s'id'", version, 0x01},
    {"version_6", before::connect, "10 ## s'MQTT' 06 02 003C 00 s'id'", version, 0x84},
    {"version_127", before::connect, "10 ## s'MQTT' 7F 02 003C 00 s'id'", version, 0x84},
    {"bridge_of_3_1_1", before::connect, "10 ## s'MQTT' 84 02 003C s'id'", version, 0x01},
    // Connect flags; 3.1.1 closes without a CONNACK.
    {"v5_reserved_flag", before::connect, "10 ## s'MQTT' 05 03 003C 00 s'id'", malformed, 0x81},
    {"v3_reserved_flag", before::connect, "10 ## s'MQTT' 04 03 003C s'id'", malformed},
    {"v5_will_qos_no_will", before::connect, "10 ## s'MQTT' 05 0A 003C 00 s'id'", malformed, 0x81},
    {"v3_will_qos_no_will", before::connect, "10 ## s'MQTT' 04 12 003C s'id'", malformed},
    {"v5_retain_no_will", before::connect, "10 ## s'MQTT' 05 22 003C 00 s'id'", malformed, 0x81},
    {"v3_retain_no_will", before::connect, "10 ## s'MQTT' 04 22 003C s'id'", malformed},
    {"v5_will_qos_3", before::connect, "10 ## s'MQTT' 05 1E 003C 00 s'id' 00 s'w' s'x'", malformed,
     0x81},
    {"v3_will_qos_3", before::connect, "10 ## s'MQTT' 04 1E 003C s'id' s'w' s'x'", malformed},
    {"v3_password_alone", before::connect, "10 ## s'MQTT' 04 42 003C s'id' s'pw'", malformed},
    // Fields.
    {"v5_ends_in_keep_alive", before::connect, "10 ## s'MQTT' 05 02 00", malformed, 0x81},
    {"v5_no_properties", before::connect, "10 ## s'MQTT' 05 02 003C", malformed, 0x81},
    {"v5_no_client_id", before::connect, "10 ## s'MQTT' 05 02 003C 00", malformed, 0x81},
    {"v5_client_id_cut", before::connect, "10 ## s'MQTT' 05 02 003C 00 0005 'id'", malformed, 0x81},
    {"v3_client_id_cut", before::connect, "10 ## s'MQTT' 04 02 003C 0005 'id'", malformed},
    {"v5_client_id_nul", before::connect, "10 ## s'MQTT' 05 02 003C 00 0002 6900", malformed, 0x81},
    {"v5_client_id_surrogate", before::connect, "10 ## s'MQTT' 05 02 003C 00 0003 EDA080",
     malformed, 0x81},
    {"v5_client_id_overlong", before::connect, "10 ## s'MQTT' 05 02 003C 00 0002 C0AF", malformed,
     0x81},
    {"v3_client_id_bad_utf8", before::connect, "10 ## s'MQTT' 04 02 003C 0001 FF", malformed},
    {"v3_empty_id_kept_session", before::connect, "10 ## s'MQTT' 04 00 003C s''",
     fault_code::client_identifier_not_valid, 0x02},
    {"v5_trailing", before::connect, "10 ## s'MQTT' 05 02 003C 00 s'id' 00", malformed, 0x81},
    {"v3_trailing", before::connect, "10 ## s'MQTT' 04 02 003C s'id' 00", malformed},
    {"v5_no_user_name", before::connect, "10 ## s'MQTT' 05 82 003C 00 s'id'", malformed, 0x81},
    {"v5_user_name_nul", before::connect, "10 ## s'MQTT' 05 82 003C 00 s'id' 0001 00", malformed,
     0x81},
    {"v3_no_client_id", before::connect, "10 ## s'MQTT' 04 02 003C", malformed},
    {"v3_no_will", before::connect, "10 ## s'MQTT' 04 06 003C s'id'", malformed},
    {"v3_no_user_name", before::connect, "10 ## s'MQTT' 04 82 003C s'id'", malformed},
    {"v3_user_name_bad_utf8", before::connect, "10 ## s'MQTT' 04 82 003C s'id' 0001 FF", malformed},
    {"v5_no_password", before::connect, "10 ## s'MQTT' 05 C2 003C 00 s'id' s'u'", malformed, 0x81},
    {"v3_no_password", before::connect, "10 ## s'MQTT' 04 C2 003C s'id' s'u'", malformed},
    {"v5_no_will", before::connect, "10 ## s'MQTT' 05 06 003C 00 s'id'", malformed, 0x81},
    {"v5_will_payload_cut", before::connect, "10 ## s'MQTT' 05 06 003C 00 s'id' 00 s'w' 0002 00",
     malformed, 0x81},
    {"v5_will_topic_wildcard", before::connect, "10 ## s'MQTT' 05 06 003C 00 s'id' 00 s'w/#' s'x'",
     fault_code::topic_name_invalid, 0x90},
    {"v5_will_topic_empty", before::connect, "10 ## s'MQTT' 05 06 003C 00 s'id' 00 s'' s'x'",
     fault_code::topic_name_invalid, 0x90},
    {"v5_will_topic_bad_utf8", before::connect, "10 ## s'MQTT' 05 06 003C 00 s'id' 00 0001 80 s'x'",
     malformed, 0x81},
    {"v3_will_topic_wildcard", before::connect, "10 ## s'MQTT' 04 06 003C s'id' s'+' s'x'",
     fault_code::topic_name_invalid},
    {"v3_will_topic_bad_utf8", before::connect, "10 ## s'MQTT' 04 06 003C s'id' 0001 80 s'x'",
     malformed},
    // Properties.
    {"v5_length_not_shortest", before::connect, "10 9000 s'MQTT' 05 02 003C 00 s'abc'", malformed,
     0x81},
    {"v5_property_length_not_shortest", before::connect, "10 ## s'MQTT' 05 02 003C 8000 s'id'",
     malformed, 0x81},
    {"v5_property_length_beyond", before::connect, "10 ## s'MQTT' 05 02 003C 7F s'id'", malformed,
     0x81},
    {"v5_property_length_of_five", before::connect, "10 ## s'MQTT' 05 02 003C 8080808001 s'id'",
     malformed, 0x81},
    {"v5_property_cut_by_block", before::connect, "10 ## s'MQTT' 05 02 003C {11 0000} s'id'",
     malformed, 0x81},
    {"v5_property_unknown", before::connect, "10 ## s'MQTT' 05 02 003C {04 00} s'id'", malformed,
     0x81},
    {"v5_property_id_zero", before::connect, "10 ## s'MQTT' 05 02 003C {00} s'id'", malformed,
     0x81},
    {"v5_property_id_127", before::connect, "10 ## s'MQTT' 05 02 003C {7F 00} s'id'", malformed,
     0x81},
    {"v5_property_elsewhere", before::connect, "10 ## s'MQTT' 05 02 003C {23 0001} s'id'",
     malformed, 0x81},
    {"v5_will_property_outside_will", before::connect,
     "10 ## s'MQTT' 05 02 003C {18 00000001} s'id'", malformed, 0x81},
    {"v5_property_twice", before::connect,
     "10 ## s'MQTT' 05 02 003C {11 00000001 11 00000001} s'id'", protocol, 0x82},
    {"v5_receive_maximum_0", before::connect, "10 ## s'MQTT' 05 02 003C {21 0000} s'id'", protocol,
     0x82},
    {"v5_maximum_packet_size_0", before::connect, "10 ## s'MQTT' 05 02 003C {27 00000000} s'id'",
     protocol, 0x82},
    {"v5_request_problem_2", before::connect, "10 ## s'MQTT' 05 02 003C {17 02} s'id'", protocol,
     0x82},
    {"v5_request_response_2", before::connect, "10 ## s'MQTT' 05 02 003C {19 FF} s'id'", protocol,
     0x82},
    {"v5_user_property_bad_utf8", before::connect,
     "10 ## s'MQTT' 05 02 003C {26 s'a' 0001 C0} s'id'", malformed, 0x81},
    {"v5_authentication_method", before::connect, "10 ## s'MQTT' 05 02 003C {15 s'SCRAM'} s'id'",
     fault_code::bad_authentication_method, 0x8C},
    {"v5_authentication_data_alone", before::connect, "10 ## s'MQTT' 05 02 003C {16 0001 00} s'id'",
     protocol, 0x82},
    {"v5_will_delay_twice", before::connect,
     "10 ## s'MQTT' 05 06 003C 00 s'id' {18 00000001 18 00000001} s'w' s'x'", protocol, 0x82},
    {"v5_will_response_wildcard", before::connect,
     "10 ## s'MQTT' 05 06 003C 00 s'id' {08 s'#'} s'w' s'x'", protocol, 0x82},
    {"v5_will_format_2", before::connect, "10 ## s'MQTT' 05 06 003C 00 s'id' {01 02} s'w' s'x'",
     protocol, 0x82},
    {"v5_will_topic_alias", before::connect,
     "10 ## s'MQTT' 05 06 003C 00 s'id' {23 0001} s'w' s'x'", malformed, 0x81},
};

const row v5_rows[] = {
    // Types and flags.
    {"type_0", before::v5, "00 00", malformed, 0x81},
    {"type_0_with_flags", before::v5, "0F 00", malformed, 0x81},
    {"second_connect", before::v5, "10 ## s'MQTT' 05 02 003C 00 s'id'", protocol, 0x82},
    {"connack", before::v5, "20 03 000000", protocol, 0x82},
    {"suback", before::v5, "90 04 0001 00 00", protocol, 0x82},
    {"unsuback", before::v5, "B0 04 0001 00 00", protocol, 0x82},
    {"pingresp", before::v5, "D0 00", protocol, 0x82},
    {"auth", before::v5, "F0 00", protocol, 0x82},
    {"auth_flags", before::v5, "F1 00", malformed, 0x81},
    {"puback_flags", before::v5, "42 02 0001", malformed, 0x81},
    {"pubrec_flags", before::v5, "51 02 0001", malformed, 0x81},
    {"pubrel_flags", before::v5, "60 02 0001", malformed, 0x81},
    {"pubcomp_flags", before::v5, "72 02 0001", malformed, 0x81},
    {"subscribe_flags", before::v5, "80 ## 0001 00 s'a' 00", malformed, 0x81},
    {"unsubscribe_flags", before::v5, "A0 ## 0001 00 s'a'", malformed, 0x81},
    {"pingreq_flags", before::v5, "C1 00", malformed, 0x81},
    {"disconnect_flags", before::v5, "E4 00", malformed, 0x81},
    {"length_of_five_bytes", before::v5, "30 80808080 00", malformed, 0x81},
    {"length_not_shortest", before::v5, "C0 8000", malformed, 0x81},
    {"declares_256_MiB", before::v5, "30 FFFFFF7F", fault_code::packet_too_large, 0x95},
    {"one_byte_above_maximum", before::v5, "30 FDFF3F", fault_code::packet_too_large, 0x95},
    // PUBLISH.
    {"publish_qos_3", before::v5, "36 ## s't' 0001 00", malformed, 0x81},
    {"publish_qos_3_dup_retain", before::v5, "3F ## s't' 0001 00", malformed, 0x81},
    {"publish_dup_qos_0", before::v5, "38 ## s't' 00", malformed, 0x81},
    {"publish_empty", before::v5, "30 00", malformed, 0x81},
    {"publish_topic_cut", before::v5, "30 ## 0005 'abc'", malformed, 0x81},
    {"publish_no_topic_no_alias", before::v5, "30 ## s'' 00 'x'", protocol, 0x82},
    {"publish_wildcard_plus", before::v5, "30 ## s'a/+' 00 'x'", fault_code::topic_name_invalid,
     0x90},
    {"publish_wildcard_hash", before::v5, "32 ## s'#' 0001 00", fault_code::topic_name_invalid,
     0x90},
    {"publish_topic_nul", before::v5, "30 ## 0003 610062 00", malformed, 0x81},
    {"publish_topic_surrogate", before::v5, "30 ## 0003 EDB080 00", malformed, 0x81},
    {"publish_topic_bad_utf8", before::v5, "30 ## 0002 C3 28 00", malformed, 0x81},
    {"publish_id_0", before::v5, "32 ## s't' 0000 00", protocol, 0x82},
    {"publish_qos2_id_0", before::v5, "34 ## s't' 0000 00", protocol, 0x82},
    {"publish_no_id", before::v5, "32 ## s't'", malformed, 0x81},
    {"publish_id_cut", before::v5, "32 ## s't' 01", malformed, 0x81},
    {"publish_no_properties", before::v5, "32 ## s't' 0001", malformed, 0x81},
    {"publish_properties_beyond", before::v5, "30 ## s't' 05 01", malformed, 0x81},
    {"publish_alias_0", before::v5, "30 ## s't' {23 0000}", fault_code::topic_alias_invalid, 0x94},
    {"publish_alias_17", before::v5, "30 ## s't' {23 0011}", fault_code::topic_alias_invalid, 0x94},
    {"publish_alias_65535", before::v5, "30 ## s'' {23 FFFF}", fault_code::topic_alias_invalid,
     0x94},
    {"publish_alias_never_set", before::v5, "30 ## s'' {23 0001} 'x'", protocol, 0x82},
    {"publish_alias_twice", before::v5, "30 ## s't' {23 0001 23 0001}", protocol, 0x82},
    {"publish_subscription_id", before::v5, "30 ## s't' {0B 01} 'x'", protocol, 0x82},
    {"publish_subscription_id_0", before::v5, "30 ## s't' {0B 00} 'x'", protocol, 0x82},
    {"publish_subscription_id_long", before::v5, "30 ## s't' {0B 8000} 'x'", malformed, 0x81},
    {"publish_response_wildcard", before::v5, "30 ## s't' {08 s'a/+'}", protocol, 0x82},
    {"publish_response_empty", before::v5, "30 ## s't' {08 s''}", protocol, 0x82},
    {"publish_response_bad_utf8", before::v5, "30 ## s't' {08 0001 FE}", malformed, 0x81},
    {"publish_format_2", before::v5, "30 ## s't' {01 02}", protocol, 0x82},
    {"publish_format_twice", before::v5, "30 ## s't' {01 01 01 01}", protocol, 0x82},
    {"publish_expiry_cut", before::v5, "30 ## s't' {02 000000}", malformed, 0x81},
    {"publish_content_type_twice", before::v5, "30 ## s't' {03 s'a' 03 s'b'}", protocol, 0x82},
    {"publish_content_type_nul", before::v5, "30 ## s't' {03 0001 00}", malformed, 0x81},
    {"publish_correlation_cut", before::v5, "30 ## s't' {09 0004 0000}", malformed, 0x81},
    {"publish_user_property_cut", before::v5, "30 ## s't' {26 s'name'}", malformed, 0x81},
    {"publish_user_name_bad_utf8", before::v5, "30 ## s't' {26 0001 80 s'v'}", malformed, 0x81},
    {"publish_foreign_property", before::v5, "30 ## s't' {21 0001}", malformed, 0x81},
    {"publish_reason_string", before::v5, "30 ## s't' {1F s'x'}", malformed, 0x81},
    // Acknowledgements.
    {"puback_empty", before::v5, "40 00", malformed, 0x81},
    {"puback_id_cut", before::v5, "40 01 00", malformed, 0x81},
    {"puback_id_0", before::v5, "40 02 0000", protocol, 0x82},
    {"puback_reason_unknown", before::v5, "40 03 0001 42", protocol, 0x82},
    {"puback_trailing", before::v5, "40 05 0001 00 00 00", malformed, 0x81},
    {"puback_foreign_property", before::v5, "40 ## 0001 00 {11 00000000}", malformed, 0x81},
    {"pubrec_reason_of_pubrel", before::v5, "50 03 0001 92", protocol, 0x82},
    {"pubrel_id_0", before::v5, "62 02 0000", protocol, 0x82},
    {"pubrel_reason_unknown", before::v5, "62 03 0001 80", protocol, 0x82},
    {"pubrel_reason_string_twice", before::v5, "62 ## 0001 00 {1F s'a' 1F s'b'}", protocol, 0x82},
    {"pubrel_trailing", before::v5, "62 05 0001 00 00 FF", malformed, 0x81},
    {"pubcomp_properties_beyond", before::v5, "70 04 0001 00 09", malformed, 0x81},
    // SUBSCRIBE and UNSUBSCRIBE.
    {"subscribe_id_0", before::v5, "82 ## 0000 00 s'a' 00", protocol, 0x82},
    {"subscribe_no_filter", before::v5, "82 03 0001 00", protocol, 0x82},
    {"subscribe_no_properties", before::v5, "82 02 0001", malformed, 0x81},
    {"subscribe_no_options", before::v5, "82 ## 0001 00 s'a'", malformed, 0x81},
    {"subscribe_second_cut", before::v5, "82 ## 0001 00 s'a' 00 0003 'b'", malformed, 0x81},
    {"subscribe_qos_3", before::v5, "82 ## 0001 00 s'a' 03", protocol, 0x82},
    {"subscribe_retain_handling_3", before::v5, "82 ## 0001 00 s'a' 30", protocol, 0x82},
    {"subscribe_reserved_bit_6", before::v5, "82 ## 0001 00 s'a' 40", malformed, 0x81},
    {"subscribe_reserved_bit_7", before::v5, "82 ## 0001 00 s'a' 80", malformed, 0x81},
    {"subscribe_filter_empty", before::v5, "82 ## 0001 00 s'' 00", fault_code::topic_filter_invalid,
     0x8F},
    {"subscribe_filter_invalid", before::v5, "82 ## 0001 00 s'a/#/b' 00",
     fault_code::topic_filter_invalid, 0x8F},
    {"subscribe_filter_bad_utf8", before::v5, "82 ## 0001 00 0001 FF 00", malformed, 0x81},
    {"subscribe_filter_nul", before::v5, "82 ## 0001 00 0001 00 00", malformed, 0x81},
    {"subscribe_share_name_wildcard", before::v5, "82 ## 0001 00 s'$share/+/a' 00",
     fault_code::topic_filter_invalid, 0x8F},
    {"subscribe_shared_no_local", before::v5, "82 ## 0001 00 s'$share/g/a' 04", protocol, 0x82},
    {"subscribe_identifier_0", before::v5, "82 ## 0001 {0B 00} s'a' 00", protocol, 0x82},
    {"subscribe_identifier_twice", before::v5, "82 ## 0001 {0B 01 0B 02} s'a' 00", protocol, 0x82},
    {"subscribe_identifier_five_bytes", before::v5, "82 ## 0001 {0B 8080808001} s'a' 00", malformed,
     0x81},
    {"unsubscribe_id_0", before::v5, "A2 ## 0000 00 s'a'", protocol, 0x82},
    {"unsubscribe_no_filter", before::v5, "A2 03 0001 00", protocol, 0x82},
    {"unsubscribe_filter_invalid", before::v5, "A2 ## 0001 00 s'a+'",
     fault_code::topic_filter_invalid, 0x8F},
    {"unsubscribe_filter_bad_utf8", before::v5, "A2 ## 0001 00 0001 FF", malformed, 0x81},
    {"unsubscribe_filter_cut", before::v5, "A2 ## 0001 00 0002 'a'", malformed, 0x81},
    {"unsubscribe_foreign_property", before::v5, "A2 ## 0001 {0B 01} s'a'", malformed, 0x81},
    // PINGREQ and DISCONNECT.
    {"pingreq_with_body", before::v5, "C0 01 00", malformed, 0x81},
    {"disconnect_server_reason", before::v5, "E0 01 8B", protocol, 0x82},
    {"disconnect_reason_unknown", before::v5, "E0 01 01", protocol, 0x82},
    {"disconnect_trailing", before::v5, "E0 03 00 00 00", malformed, 0x81},
    {"disconnect_server_reference", before::v5, "E0 ## 00 {1C s'x'}", protocol, 0x82},
    {"disconnect_expiry_after_0", before::v5, "E0 ## 00 {11 00000001}", protocol, 0x82},
    {"disconnect_expiry_twice", before::v5, "E0 ## 00 {11 00000000 11 00000000}", protocol, 0x82},
    {"disconnect_foreign_property", before::v5, "E0 ## 00 {01 01}", malformed, 0x81},
};

const row v3_rows[] = {
    {"type_0", before::v3, "00 00", malformed},
    {"type_15", before::v3, "F0 00", malformed},
    {"second_connect", before::v3, "10 ## s'MQTT' 04 02 003C s'id'", protocol},
    {"connack", before::v3, "20 02 0000", protocol},
    {"suback", before::v3, "90 03 0001 00", protocol},
    {"pingresp", before::v3, "D0 00", protocol},
    {"declares_256_MiB", before::v3, "30 FFFFFF7F", fault_code::packet_too_large},
    {"publish_qos_3", before::v3, "36 ## s't' 0001", malformed},
    {"publish_dup_qos_0", before::v3, "38 ## s't'", malformed},
    {"publish_no_topic", before::v3, "30 ## s'' 'x'", protocol},
    {"publish_wildcard", before::v3, "30 ## s'a/#' 'x'", fault_code::topic_name_invalid},
    {"publish_topic_nul", before::v3, "30 ## 0001 00", malformed},
    {"publish_topic_bad_utf8", before::v3, "30 ## 0001 FF", malformed},
    {"publish_topic_cut", before::v3, "30 ## 0009 'abc'", malformed},
    {"publish_id_0", before::v3, "32 ## s't' 0000", protocol},
    {"publish_no_id", before::v3, "34 ## s't'", malformed},
    {"puback_trailing", before::v3, "40 03 0001 00", malformed},
    {"puback_short", before::v3, "40 01 00", malformed},
    {"pubrel_flags", before::v3, "60 02 0001", malformed},
    {"pubrel_trailing", before::v3, "62 03 0001 00", malformed},
    {"pubrel_id_0", before::v3, "62 02 0000", protocol},
    {"subscribe_flags", before::v3, "80 ## 0001 s'a' 00", malformed},
    {"subscribe_id_0", before::v3, "82 ## 0000 s'a' 00", protocol},
    {"subscribe_no_filter", before::v3, "82 02 0001", protocol},
    {"subscribe_qos_3", before::v3, "82 ## 0001 s'a' 03", malformed},
    {"subscribe_no_local_bit", before::v3, "82 ## 0001 s'a' 04", malformed},
    {"subscribe_filter_invalid", before::v3, "82 ## 0001 s'a#' 00",
     fault_code::topic_filter_invalid},
    {"subscribe_no_qos", before::v3, "82 ## 0001 s'a'", malformed},
    {"subscribe_filter_bad_utf8", before::v3, "82 ## 0001 0001 FF 00", malformed},
    {"unsubscribe_id_0", before::v3, "A2 ## 0000 s'a'", protocol},
    {"unsubscribe_filter_bad_utf8", before::v3, "A2 ## 0001 0001 FF", malformed},
    {"unsubscribe_no_filter", before::v3, "A2 02 0001", protocol},
    {"unsubscribe_filter_empty", before::v3, "A2 ## 0001 s''", fault_code::topic_filter_invalid},
    {"unsubscribe_flags", before::v3, "A0 ## 0001 s'a'", malformed},
    {"pingreq_with_body", before::v3, "C0 01 00", malformed},
    {"disconnect_flags", before::v3, "E1 00", malformed},
    {"disconnect_with_body", before::v3, "E0 01 00", malformed},
};

std::vector<row> all_rows() {
  std::vector<row> rows(std::begin(connect_rows), std::end(connect_rows));
  rows.insert(rows.end(), std::begin(v5_rows), std::end(v5_rows));
  rows.insert(rows.end(), std::begin(v3_rows), std::end(v3_rows));
  return rows;
}

void prepare(wire& w, before when) {
  if (when != before::connect) {
    w.open(when == before::v5 ? protocol_version::v5 : protocol_version::v3_1_1);
  }
}

class malformed_input : public testing::TestWithParam<row> {};

TEST_P(malformed_input, closes_with_the_exact_reason) {
  const auto& r = GetParam();
  wire w;
  prepare(w, r.when);
  EXPECT_EQ(w.feed_spec(r.spec), session::progress::state::closed);
  EXPECT_TRUE(w.it.closed());
  EXPECT_FALSE(w.it.connected());
  ASSERT_TRUE(w.it.closed_for());
  EXPECT_EQ(describe(w.it.closed_for()->code).name, describe(r.code).name)
      << w.it.closed_for()->detail;
  EXPECT_TRUE(w.handler.log.empty()) << w.handler.log.front();
  if (r.reason == silence) {
    EXPECT_EQ(w.sent(), "");
    return;
  }
  const auto sent = std::exchange(w.out, {});
  const auto got = decode(frame_of(sent), w.it.version(), receiver::client);
  ASSERT_TRUE(got) << hex(sent);
  if (r.when == before::connect) {
    EXPECT_EQ(std::get<connack_packet>(*got).reason, r.reason);
  } else {
    EXPECT_EQ(std::get<farewell_packet>(*got).reason, r.reason);
  }
}

TEST_P(malformed_input, is_judged_alike_byte_by_byte_and_takes_nothing_after) {
  const auto& r = GetParam();
  wire whole, dripped;
  prepare(whole, r.when);
  prepare(dripped, r.when);
  const auto bytes = bytes_of(r.spec) + bytes_of("30 ## s't' 00 'after' C0 00");
  whole.feed(bytes);
  for (const char c : bytes) dripped.feed(std::string(1, c));
  ASSERT_TRUE(whole.it.closed_for() && dripped.it.closed_for());
  EXPECT_EQ(to_string(*whole.it.closed_for()), to_string(*dripped.it.closed_for()));
  EXPECT_EQ(whole.sent(), dripped.sent());
  EXPECT_TRUE(whole.handler.log.empty() && dripped.handler.log.empty());
}

INSTANTIATE_TEST_SUITE_P(all, malformed_input, testing::ValuesIn(all_rows()), [](const auto& i) {
  const char* prefix = i.param.when == before::connect ? "connect_"
                       : i.param.when == before::v5    ? "v5_"
                                                       : "v3_";
  return prefix + std::string(i.param.name);
});

TEST(malformed_table, has_at_least_120_rows) {
  EXPECT_GE(all_rows().size(), 120u);
}

TEST(malformed, version_3_does_not_ask_for_the_shortest_length) {
  wire w;
  w.open(protocol_version::v3_1_1);
  w.feed_spec("C0 8000");
  EXPECT_EQ(w.sent(), "D0 00");
}

TEST(malformed, truncation_at_every_byte_only_waits) {
  for (const auto* spec : {"10 ## s'MQTT' 05 06 003C {26 s'a' s'b'} s'id' {18 00000001} s'w' s'x'",
                           "10 ## s'MQTT' 04 C6 003C s'id' s'w' s'x' s'u' s'p'"}) {
    const auto bytes = bytes_of(spec);
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      wire w;
      EXPECT_EQ(w.feed(bytes.substr(0, n)), session::progress::state::need_more);
      EXPECT_EQ(w.it.heap_bytes(), 0u);
    }
  }
}

/// A packet whose declared length cuts it short is malformed at every length, never accepted.
TEST(malformed, shortened_body_is_never_a_packet) {
  struct sample {
    protocol_version version;
    receiver side;
    const char* spec;
  };
  for (const auto& s : {
           sample{protocol_version::v5, receiver::server,
                  "10 ## s'MQTT' 05 C6 003C {26 s'a' s'b'} s'id' 00 s'w' s'x' s'u' s'p'"},
           {protocol_version::v3_1_1, receiver::server,
            "10 ## s'MQTT' 04 C6 003C s'i' s'w' s'x' s'u' s'p'"},
           {protocol_version::v5, receiver::server, "82 ## 0001 {0B 01} s'abc' 01"},
           {protocol_version::v5, receiver::client, "20 ## 00 00 {21 0001 12 s'id'}"},
           {protocol_version::v5, receiver::server, "E0 ## 00 {11 00000000 1F s'bye'}"},
       }) {
    const auto bytes = bytes_of(s.spec);
    for (std::size_t n = bytes[0] == '\xE0' ? 4 : 3; n < bytes.size(); ++n) {
      auto cut = bytes.substr(0, n);
      cut[1] = static_cast<char>(n - 2);
      EXPECT_FALSE(decode(frame_of(cut), s.version, s.side)) << hex(cut);
    }
    EXPECT_TRUE(decode(frame_of(bytes), s.version, s.side)) << s.spec;
  }
}

}  // namespace
}  // namespace fleetgate::mqtt
