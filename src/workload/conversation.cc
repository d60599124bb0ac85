#include "workload/conversation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "workload/conversation_material.h"

namespace moestress::workload {
namespace {

/// Gives out the values of all conversations, each once. What remains of the lists are the decoys.
class Values {
 public:
  explicit Values(std::uint64_t seed) : codes_(base::derive_seed(seed, "codes")) {
    for (const auto& [list, words] : conversation_material().values) {
      base::Random random(base::derive_seed(seed, "values " + list));
      decks_[list] = words;
      random.shuffle(decks_[list]);
      decoys_[list] = words.size() / 3;
    }
  }

  /// One of the list; made up where the list is used up.
  PlantedValue draw(const std::string& list) {
    const auto deck = decks_.find(list);
    if (deck == decks_.end() || deck->second.size() <= decoys_[list]) return {code(), true};
    PlantedValue value{deck->second.back(), false};
    deck->second.pop_back();
    return value;
  }

  std::vector<std::string> decoys() const {
    std::vector<std::string> left;
    for (const auto& [list, deck] : decks_) left.insert(left.end(), deck.begin(), deck.end());
    return left;
  }

 private:
  /// Four syllables that can be said and are no word.
  std::string code() {
    constexpr std::string_view kConsonants = "bdfgkmpstvz";
    constexpr std::string_view kVowels = "aiou";
    for (;;) {
      std::string word;
      for (int i = 0; i < 4; ++i) {
        word += kConsonants[codes_.below(kConsonants.size())];
        word += kVowels[codes_.below(kVowels.size())];
      }
      if (made_.insert(word).second) return word;
    }
  }

  base::Random codes_;
  std::set<std::string> made_;
  std::map<std::string, std::vector<std::string>, std::less<>> decks_;
  std::map<std::string, std::size_t, std::less<>> decoys_;  ///< of each list, kept back
};

/// Draws facts, each once in a conversation.
class Facts {
 public:
  explicit Facts(std::uint64_t seed) {
    for (const ToldFact& fact : conversation_material().facts) deck_.push_back(&fact);
    base::Random(base::derive_seed(seed, "facts")).shuffle(deck_);
  }

  template <class Wanted>
  const ToldFact* draw(Wanted wanted) {
    const auto found =
        std::find_if(deck_.rbegin(), deck_.rend(), [&](const ToldFact* f) { return wanted(*f); });
    if (found == deck_.rend()) return nullptr;
    const ToldFact* fact = *found;
    deck_.erase(std::next(found).base());
    return fact;
  }

 private:
  std::vector<const ToldFact*> deck_;
};

/// The same in all conversations of a set: an answer from the history of another one names its word.
const ToldFact& shared_word(std::uint64_t seed) {
  const ToldFact* word = Facts(seed).draw([](const ToldFact& f) { return f.values == kCodeValues; });
  CHECK(word != nullptr);
  return *word;
}

std::string fill(std::string text, const std::string& value) {
  const auto at = text.find("{}");
  CHECK(at != std::string::npos);
  return text.replace(at, 2, value);
}

/// A fact as a conversation tells it.
struct Told {
  const ToldFact* fact = nullptr;
  std::string value, second, old;
  std::vector<std::string> telling;  ///< the turns that do
};

/// What a conversation of so many turns has, beyond a fact told anew and a made-up word asked for at the end.
struct Parts {
  bool topic = false, early = false, untold = false, pair = false;
};

Parts parts_of(int turns) {
  if (turns >= 10) return {true, true, true, true};
  if (turns == 9) return {false, true, true, true};
  if (turns == 8) return {false, false, true, true};
  if (turns == 7) return {false, false, false, true};
  return {false, false, turns == 6, false};
}

/// Writes one conversation: opening (what is told), middle (topics, early questions, changes), end (late
/// questions).
class Writer {
 public:
  /// `word` is the fact whose value is made up.
  Writer(Values& values, const ToldFact& word, std::uint64_t seed)
      : values_(values), word_(word), random_(base::derive_seed(seed, "phrases")), facts_(seed) {
    topics_ = conversation_material().topics;
    random_.shuffle(topics_);
    conversation_.instruction = pick("instruction");
  }

  Conversation write(int turns) {
    const Parts parts = parts_of(turns);
    Told word = tell([&](const ToldFact& f) { return &f == &word_; });
    Told changing = tell([](const ToldFact& f) { return f.values != kCodeValues && !f.change.empty(); });
    CHECK(word.fact != nullptr && changing.fact != nullptr);
    word.telling.front() = pick("greeting") + " " + word.telling.front();
    say(opening_, word.telling.front());
    Told pair;
    if (parts.pair) {
      pair = tell([](const ToldFact& f) { return !f.follow.empty(); });
      CHECK(pair.fact != nullptr);
      changing.telling.front() = pair.telling.front() = changing.telling.front() + " " + pair.telling.front();
    }
    say(opening_, changing.telling.front());
    if (parts.topic) add_topic();
    if (parts.early) middle_.push_back(ask(word, parts.topic ? pick("return") + " " : ""));
    add_change(changing);
    if (parts.untold) CHECK(add_untold());
    add_more(turns - 10);
    if (parts.pair) add_pair(pair);
    end_.push_back(ask(changing));
    random_.shuffle(end_);
    end_.push_back(ask(word));
    return joined();
  }

 private:
  std::string pick(std::string_view purpose) {
    const auto phrases = conversation_material().phrase(purpose);
    return phrases[random_.below(phrases.size())];
  }

  static void say(std::vector<ConversationTurn>& phase, std::string text) {
    phase.push_back({std::move(text), false, std::nullopt});
  }

  std::string plant(const std::string& list) {
    conversation_.values.push_back(values_.draw(list));
    return conversation_.values.back().text;
  }

  template <class Wanted>
  Told tell(Wanted wanted) {
    Told told;
    told.fact = facts_.draw(wanted);
    if (told.fact == nullptr) return told;
    told.value = plant(told.fact->values);
    std::string text = fill(told.fact->tell, told.value);
    if (!told.fact->follow.empty()) text = fill(std::move(text), told.second = plant(told.fact->values));
    told.telling = {std::move(text)};
    return told;
  }

  /// The telling turns and the question as one message: no reply of another's making between them.
  static record::Message told_and(const Told& told, const std::string& ask) {
    std::string text;
    for (const std::string& telling : told.telling) text += telling + " ";
    return {"user", text + ask};
  }

  ConversationTurn ask(const Told& told, const std::string& opener = "") const {
    RecallQuestion question;
    question.kind = told.old.empty() ? QuestionKind::Recall : QuestionKind::Updated;
    question.accepted = told.value;
    question.stale = told.old;
    question.control = {told_and(told, told.fact->ask)};
    return {opener + told.fact->ask, false, std::move(question)};
  }

  void add_topic() { middle_.push_back({topics_[next_topic_++ % topics_.size()], true, std::nullopt}); }

  void add_change(Told& told) {
    told.old = std::exchange(told.value, plant(told.fact->values));
    told.telling.push_back(fill(told.fact->change, told.value));
    say(middle_, told.telling.back());
  }

  void add_pair(const Told& pair) {
    middle_.push_back(ask(pair));
    RecallQuestion question;
    question.kind = QuestionKind::FollowUp;
    question.accepted = pair.second;
    question.control = {
        told_and(pair, pair.fact->ask), {"assistant", pair.value}, {"user", pair.fact->follow}};
    middle_.push_back({pair.fact->follow, false, std::move(question)});
  }

  bool add_untold() {
    const ToldFact* fact = facts_.draw([](const ToldFact& f) { return f.follow.empty(); });
    if (fact == nullptr) return false;
    RecallQuestion question;
    question.kind = QuestionKind::Untold;
    question.control = {{"user", opening_.front().text + " " + fact->ask}};
    end_.push_back({fact->ask, false, std::move(question)});
    return true;
  }

  /// Two turns at a time: a fact and its question, a topic and what was never told, a fact that changes.
  void add_more(int turns) {
    for (int unit = 0; turns >= 2; ++unit, turns -= 2) {
      const bool changes = unit % 4 == 2 && turns >= 4;
      Told told;
      if (unit % 2 == 0)
        told = tell([&](const ToldFact& f) { return f.follow.empty() && (!changes || !f.change.empty()); });
      if (told.fact != nullptr) {
        say(opening_, told.telling.front());
        if (changes) {
          add_change(told);
          add_topic();
          turns -= 2;
          ++unit;
        }
        end_.push_back(ask(told));
      } else {
        add_topic();
        if (!add_untold()) add_topic();
      }
    }
    if (turns == 1) add_topic();
  }

  Conversation joined() {
    for (auto* phase : {&opening_, &middle_, &end_})
      for (ConversationTurn& turn : *phase) conversation_.turns.push_back(std::move(turn));
    auto& turns = conversation_.turns;
    for (std::size_t i = 0; i < turns.size(); ++i)
      for (std::size_t j = 0; j < i && turns[i].question; ++j)
        if (turns[j].question &&
            turns[j].question->control.back().content == turns[i].question->control.back().content &&
            turns[j].question->accepted == turns[i].question->accepted)
          turns[i].question->asked_before = static_cast<int>(j);
    return std::move(conversation_);
  }

  Values& values_;
  const ToldFact& word_;
  base::Random random_;
  Facts facts_;
  std::vector<std::string> topics_;
  std::size_t next_topic_ = 0;
  std::vector<ConversationTurn> opening_, middle_, end_;
  Conversation conversation_;
};

}  // namespace

std::vector<std::string> Conversation::value_texts() const {
  std::vector<std::string> texts;
  for (const PlantedValue& value : values) texts.push_back(value.text);
  return texts;
}

ConversationSet make_conversations(std::size_t count, int turns, std::uint64_t seed) {
  CHECK(turns >= kConversationTurnsMin);
  ConversationSet set;
  Values values(seed);
  const ToldFact& word = shared_word(seed);
  for (std::size_t i = 0; i < count; ++i) {
    Writer writer(values, word, base::derive_seed(seed, fmt::format("conversation {}", i)));
    set.conversations.push_back(writer.write(turns));
  }
  set.decoys = values.decoys();
  return set;
}

}  // namespace moestress::workload
