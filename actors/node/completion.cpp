#include "actors/node/completion.hpp"

namespace fleetgate::node {
namespace {

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const std::string& w : words) out += (out.empty() ? "" : std::string(between)) + w;
  return out;
}

/// What may follow `word`: commands, else its options.
std::string choices(const completion_word& word) {
  std::vector<std::string> names;
  for (const completion_word& below : word.below) names.push_back(below.name);
  for (const std::string& option : word.options) names.push_back(option);
  return joined(names, " ");
}

/// Calls visit(path, word) for `word` and all below; the path is the words before it and its own.
template <class Visit>
void for_each_word(const completion_word& word, const std::string& path, Visit&& visit) {
  visit(path, word);
  for (const completion_word& below : word.below) {
    for_each_word(below, path + " " + below.name, visit);
  }
}

/// In single quotes, for any of the three shells.
std::string quoted(std::string text) {
  for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 4) {
    text.replace(at, 1, "'\\''");
  }
  return "'" + text + "'";
}

/// The path is the words that are no options; files are offered where nothing else is known.
std::string bash(const completion_word& program) {
  std::string out = "# bash completion for " + program.name + "\n_" + program.name + R"sh(() {
  local path="" word
  for word in "${COMP_WORDS[@]:0:COMP_CWORD}"; do
    case "$word" in
      -*) ;;
      *) path="$path${path:+ }${word##*/}" ;;
    esac
  done
  local words=""
  case "$path" in
)sh";
  for_each_word(program, program.name, [&](const std::string& path, const completion_word& word) {
    const std::string arguments = word.below.empty() ? " | " + quoted(path + " ") + "*" : "";
    out += "    " + quoted(path) + arguments + ") words=" + quoted(choices(word)) + " ;;\n";
  });
  return out +
         "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n" +
         "complete -o default -F _" + program.name + " " + program.name + "\n";
}

std::string zsh(const completion_word& program) {
  return "#compdef " + program.name + "\nautoload -U +X bashcompinit && bashcompinit\n" +
         bash(program);
}

std::string fish(const completion_word& program) {
  std::string out = "# fish completion for " + program.name + "\n";
  const std::string begin = "complete -c " + program.name;
  for (const completion_word& first : program.below) {
    out += begin + " -f -n __fish_use_subcommand -a " + first.name + " -d " + quoted(first.about) +
           "\n";
    const std::string in_first = "__fish_seen_subcommand_from " + first.name;
    for (const completion_word& second : first.below) {
      out += begin + " -f -n " + quoted(in_first) + " -a " + second.name + " -d " +
             quoted(second.about) + "\n";
      for (const std::string& option : second.options) {
        if (!option.starts_with("--")) continue;
        out += begin + " -n " +
               quoted(in_first + "; and __fish_seen_subcommand_from " + second.name) + " -l " +
               option.substr(2) + "\n";
      }
    }
    for (const std::string& option : first.options) {
      if (option.starts_with("--")) {
        out += begin + " -n " + quoted(in_first) + " -l " + option.substr(2) + "\n";
      }
    }
  }
  return out;
}

}  // namespace

std::string completion_script(std::string_view shell, const completion_word& program) {
  if (shell == "fish") return fish(program);
  return shell == "zsh" ? zsh(program) : bash(program);
}

}  // namespace fleetgate::node
