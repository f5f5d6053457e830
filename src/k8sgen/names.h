// Grammars of Kubernetes names and label values. Each returns what is wrong, or nothing.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace swift::k8sgen {

// RFC 1123 label: a-z 0-9 and '-', alphanumeric at both ends, at most `longest`.
std::optional<std::string> label_name_fault(std::string_view name, size_t longest = 63);
// RFC 1123 subdomain: labels joined by dots, at most 253.
std::optional<std::string> subdomain_fault(std::string_view name);
// RFC 1035 label (Services): begins with a letter, at most 63.
std::optional<std::string> service_name_fault(std::string_view name);
// Label and annotation keys: optional subdomain prefix and '/', then 63 of A-Za-z0-9._-.
std::optional<std::string> label_key_fault(std::string_view key);
std::optional<std::string> label_value_fault(std::string_view value);
// Keys of a ConfigMap: at most 253 of A-Za-z0-9._-, neither "." nor "..".
std::optional<std::string> data_key_fault(std::string_view key);
// Host of an Ingress or HTTPRoute: a subdomain, or one behind "*.".
std::optional<std::string> host_fault(std::string_view host);
// IANA service name: at most 15 of a-z 0-9 '-', with a letter.
std::optional<std::string> port_name_fault(std::string_view name);
// C identifier-like names of environment variables: letters, digits, '_', '-', '.', no digit first.
std::optional<std::string> variable_name_fault(std::string_view name);

// Whether the IANA time zone database has this name ("Asia/Shanghai", "Etc/UTC"). "Local" is none.
bool is_time_zone(std::string_view name);
// The name that was probably meant by a misspelt one.
std::optional<std::string> nearest_time_zone(std::string_view name);

}  // namespace swift::k8sgen
