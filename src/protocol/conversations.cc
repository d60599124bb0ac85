#include "protocol/conversations.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/text.h"

namespace moestress::protocol {
namespace {

using record::Message;
using record::Outcome;
using record::Request;

constexpr int kSpareTokens = 16;  // what a template may add that our count of it does not know

Request chat(Rig& rig, std::vector<Message> messages, int reply_tokens, std::string label) {
  Request request;
  request.id = rig.request_ids().next();
  request.session = rig.next_session();
  request.endpoint = record::Endpoint::Chat;
  request.label = std::move(label);
  request.messages = std::move(messages);
  request.max_tokens = reply_tokens;
  return request;
}

std::string answer_of(const Outcome& outcome) {
  return outcome.text.substr(std::min(outcome.reasoning_bytes, outcome.text.size()));
}

/// Tokens of a conversation's last prompt with its reply, each reply before it at its bound.
std::int64_t tokens_at_most(const Rig& rig, const workload::Conversation& conversation, int reply_tokens) {
  std::vector<Message> messages;
  for (const auto& turn : conversation.turns) {
    if (!messages.empty()) messages.push_back({"assistant", ""});
    messages.push_back({"user", turn.text});
  }
  Request request;
  request.messages = instructed(rig, conversation.instruction, std::move(messages));
  const std::int64_t counted = rig.facts().count_prompt_tokens(request);
  if (counted < 0) return counted;
  return counted + static_cast<std::int64_t>(conversation.turns.size()) * reply_tokens + kSpareTokens;
}

std::size_t slots_of(const Rig& rig) {
  return static_cast<std::size_t>(std::max(1, rig.plan().target.slots));
}

/// Builds each session's history as its replies come; on the loop's thread until the load is over.
class Histories {
 public:
  explicit Histories(std::size_t reply_bytes_max) : reply_bytes_max_(reply_bytes_max) {}

  void begin(const Request& first) {
    history_[first.session] = first.messages;
    sent_[first.id] = first.messages;
  }
  void go_on(Request& next, const Outcome& previous) {
    std::string answer = answer_of(previous);
    if (answer.size() > reply_bytes_max_) {
      answer.resize(reply_bytes_max_);
      answer.resize(base::complete_utf8_prefix(answer));
    }
    auto& history = history_[next.session];
    history.push_back({"assistant", std::move(answer)});
    history.insert(history.end(), next.messages.begin(), next.messages.end());
    next.messages = history;
    sent_[next.id] = history;
  }
  std::vector<Message> sent(base::RequestId id) const {
    const auto found = sent_.find(id);
    return found == sent_.end() ? std::vector<Message>() : found->second;
  }

 private:
  std::size_t reply_bytes_max_;
  std::unordered_map<base::SessionId, std::vector<Message>> history_;
  std::unordered_map<base::RequestId, std::vector<Message>> sent_;
};

std::vector<Request> requests_of(Rig& rig, const workload::Conversation& conversation, int reply_tokens) {
  std::vector<Request> requests;
  for (const auto& turn : conversation.turns) {
    std::vector<Message> messages{{"user", turn.text}};
    if (requests.empty()) messages = instructed(rig, conversation.instruction, std::move(messages));
    requests.push_back(chat(rig, std::move(messages), reply_tokens, "conversation"));
    requests.back().session = requests.front().session;
    requests.back().reuse_prefix = true;
  }
  return requests;
}

void take_outcome(std::vector<Outcome>& outcomes, base::RequestId id, Exchange& exchange) {
  const auto found = std::find_if(outcomes.begin(), outcomes.end(),
                                  [&](const Outcome& outcome) { return outcome.request == id; });
  if (found == outcomes.end()) return;
  exchange.answer = answer_of(*found);
  exchange.outcome = std::move(*found);
}

}  // namespace

std::vector<Message> instructed(const Rig& rig, const std::string& instruction,
                                std::vector<Message> messages) {
  std::vector<Message> whole = messages;
  whole.insert(whole.begin(), {"system", instruction});
  if (rig.facts().tokenizer->apply_chat_template(whole)) return whole;
  messages.front().content = instruction + " " + messages.front().content;
  return messages;
}

FittedConversations fit_conversations(Rig& rig, std::size_t count, int turns, int reply_tokens,
                                      std::uint64_t seed) {
  FittedConversations fitted;
  fitted.context_tokens = rig.plan().target.context_tokens;
  if (const auto trained = static_cast<std::int64_t>(rig.facts().topology.context_tokens); trained > 0)
    fitted.context_tokens = std::min(fitted.context_tokens, trained);
  std::int64_t wanted = 0;
  for (int fitting = turns; fitting >= workload::kConversationTurnsMin;) {
    auto set = workload::make_conversations(count, fitting, seed);
    fitted.prompt_tokens = 0;
    for (const auto& conversation : set.conversations)
      fitted.prompt_tokens = std::max(fitted.prompt_tokens, tokens_at_most(rig, conversation, reply_tokens));
    if (fitting == turns) wanted = fitted.prompt_tokens;
    if (fitted.prompt_tokens <= fitted.context_tokens) {
      fitted.set = std::move(set);
      fitted.turns = fitting;
      break;
    }
    // Tokens grow with the turns about in proportion.
    const auto near = static_cast<int>(fitting * fitted.context_tokens / fitted.prompt_tokens);
    fitting = std::min(fitting - 1, std::max(near, workload::kConversationTurnsMin));
  }
  if (fitted.turns > 0 && fitted.turns < turns)
    fitted.shortened =
        fmt::format("{} of {} exchanges fit a context of {} tokens; {} take {}: raise target.context_tokens",
                    fitted.turns, turns, fitted.context_tokens, turns, wanted);
  return fitted;
}

ConversationLoad hold_conversations(Rig& rig, const std::string& test_id,
                                    const std::vector<workload::Conversation>& conversations,
                                    int reply_tokens) {
  ConversationLoad result;
  const std::size_t bytes_max =
      rig.facts().random_weights ? static_cast<std::size_t>(reply_tokens) : std::string::npos;
  for (std::size_t begin = 0; begin < conversations.size() && !rig.cancelled(); begin += slots_of(rig)) {
    const auto histories = std::make_shared<Histories>(bytes_max);
    std::vector<std::vector<base::RequestId>> ids;
    load::ClosedLoop plan;
    for (std::size_t i = begin; i < std::min(conversations.size(), begin + slots_of(rig)); ++i) {
      auto requests = requests_of(rig, conversations[i], reply_tokens);
      histories->begin(requests.front());
      ids.emplace_back();
      for (const Request& request : requests) ids.back().push_back(request.id);
      plan.sessions.push_back(std::move(requests));
    }
    plan.prepare = [histories](Request& next, const Outcome& previous) { histories->go_on(next, previous); };
    auto load = rig.closed_loop(test_id, std::move(plan));
    if (!load.lag_valid) result.lag_reason = load.lag_reason;
    for (const auto& conversation : ids) {
      result.conversations.emplace_back();
      for (const auto id : conversation) {
        Exchange exchange;
        exchange.messages = histories->sent(id);
        take_outcome(load.outcomes, id, exchange);
        result.conversations.back().push_back(std::move(exchange));
      }
    }
    if (!rig.has_target() || rig.target().death()) break;
  }
  return result;
}

QuestionLoad ask_alone(Rig& rig, const std::string& test_id, std::vector<std::vector<Message>> questions,
                       int reply_tokens) {
  QuestionLoad result;
  std::vector<std::vector<Request>> sessions(std::min(questions.size(), slots_of(rig)));
  std::vector<base::RequestId> ids;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    auto& session = sessions[i % sessions.size()];
    session.push_back(chat(rig, questions[i], reply_tokens, "question alone"));
    session.back().session = session.front().session;
    ids.push_back(session.back().id);
    result.exchanges.push_back({std::move(questions[i]), std::nullopt, {}});
  }
  if (ids.empty()) return result;
  auto load = rig.closed_loop(test_id, std::move(sessions));
  if (!load.lag_valid) result.lag_reason = load.lag_reason;
  for (std::size_t i = 0; i < ids.size(); ++i) take_outcome(load.outcomes, ids[i], result.exchanges[i]);
  return result;
}

}  // namespace moestress::protocol
