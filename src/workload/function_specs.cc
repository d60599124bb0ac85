// The functions that tasks ask for: what each is to return, and the arguments it is held against. Each list
// of arguments begins with the edges: where a boundary lies, what is empty, what comes first.
#include <algorithm>
#include <array>
#include <map>

#include "workload/programs.h"
#include "workload/task_families.h"

namespace moestress::workload {
namespace {

using Int = std::int64_t;
using Ints = std::vector<Int>;
using Arguments = std::vector<std::vector<Value>>;

constexpr int kRandomCases = 6;

Int int_at(const std::vector<Value>& values, std::size_t i) { return values[i].number; }
const std::string& text_at(const std::vector<Value>& values, std::size_t i) { return values[i].text; }
const Ints& ints_at(const std::vector<Value>& values, std::size_t i) { return values[i].list; }

Ints draw_ints(int count, int low, int high, base::Random& random) {
  Ints numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(between(random, low, high));
  return numbers;
}

std::string draw_text(int count, std::string_view letters, base::Random& random) {
  std::string text;
  for (int i = 0; i < count; ++i) text += letters[random.below(letters.size())];
  return text;
}

char letter_of(Int k) { return static_cast<char>('a' + k % 26); }

template <class Draw>
Arguments with_random(Arguments cases, Draw draw) {
  for (int i = 0; i < kRandomCases; ++i) cases.push_back(draw(i));
  return cases;
}

Arguments two_ints(Int k, base::Random& random) {
  return with_random({{Int{0}, Int{0}}, {Int{5}, Int{2}}, {Int{2}, k + 3}, {Int{-4}, Int{9}}}, [&](int) {
    return std::vector<Value>{Int{between(random, -50, 50)}, Int{between(random, -50, 50)}};
  });
}

Arguments ints_about_k(Int k, base::Random& random) {
  return with_random({{Int{0}}, {k}, {k - 1}, {k + 1}, {Int{-7}}, {2 * k}},
                     [&](int) { return std::vector<Value>{Int{between(random, 0, 200)}}; });
}

Arguments counts_to(int high, Int k, base::Random& random) {
  return with_random({{Int{0}}, {Int{1}}, {k}, {k + 1}, {k + 2}, {2 * k}, {3 * k + 1}},
                     [&](int) { return std::vector<Value>{Int{between(random, 2, high)}}; });
}

Arguments lists_about_k(Int k, base::Random& random) {
  return with_random(
      {{Ints{}},
       {Ints{k}},
       {Ints{k - 1}},
       {Ints{k, k + 1, k - 1, k}},
       {Ints{k - 1, k + 5, k, k + 2, k - 3, k + 1}},
       {Ints{k - 2, k - 1, k + 4, k + 4}}},
      [&](int i) {
        return std::vector<Value>{draw_ints(4 + i, static_cast<int>(k) - 8, static_cast<int>(k) + 8, random)};
      });
}

// What the functions return.

Value add_to(Int k, const std::vector<Value>& a) { return int_at(a, 0) + k; }
Value take_from(Int k, const std::vector<Value>& a) { return int_at(a, 0) - k; }
Value multiply(Int k, const std::vector<Value>& a) { return int_at(a, 0) * k; }
Value scaled_sum(Int k, const std::vector<Value>& a) { return k * (int_at(a, 0) + int_at(a, 1)); }
Value larger_plus(Int k, const std::vector<Value>& a) { return std::max(int_at(a, 0), int_at(a, 1)) + k; }
Value at_least(Int k, const std::vector<Value>& a) { return std::max(int_at(a, 0), k); }

Value sum_multiples(Int k, const std::vector<Value>& a) {
  const Int last = std::max(Int{0}, int_at(a, 0)) / k;
  return k * last * (last + 1) / 2;
}

Value count_above(Int k, const std::vector<Value>& a) {
  const Ints& numbers = ints_at(a, 0);
  return Int{std::count_if(numbers.begin(), numbers.end(), [k](Int number) { return number > k; })};
}

Value count_letter(Int k, const std::vector<Value>& a) {
  const std::string& text = text_at(a, 0);
  return Int{std::count(text.begin(), text.end(), letter_of(k))};
}

Arguments texts_with_letter(Int k, base::Random& random) {
  const std::string own(1, letter_of(k));
  return with_random({{std::string()}, {own}, {own + own + "x"}, {std::string("plain")}},
                     [&](int i) { return std::vector<Value>{draw_text(3 + 2 * i, own + "aeiotn", random)}; });
}

Value digit_sum(Int k, const std::vector<Value>& a) {
  Int sum = 0;
  for (Int n = int_at(a, 0); n > 0; n /= k) sum += n % k;
  return sum;
}

Value longest_run(Int k, const std::vector<Value>& a) {
  const Ints& numbers = ints_at(a, 0);
  Int longest = 0;
  for (std::size_t begin = 0; begin < numbers.size(); ++begin) {
    std::size_t end = begin;
    while (end < numbers.size() && numbers[end] >= k) ++end;
    longest = std::max(longest, static_cast<Int>(end - begin));
  }
  return longest;
}

Value shift_letters(Int k, const std::vector<Value>& a) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz";
  std::string text = text_at(a, 0);
  for (char& letter : text)
    if (const auto place = kAlphabet.find(letter); place != std::string_view::npos)
      letter = kAlphabet[(place + static_cast<std::size_t>(k)) % kAlphabet.size()];
  return text;
}

Arguments texts_to_shift(Int, base::Random& random) {
  return with_random(
      {{std::string()}, {std::string("a")}, {std::string("z")}, {std::string("A to Z, az")}},
      [&](int i) { return std::vector<Value>{draw_text(4 + 2 * i, "abcmnoxyz XYZ19", random)}; });
}

Value count_primes(Int k, const std::vector<Value>& a) {
  Int count = 0;
  for (Int n = std::max(k + 1, Int{2}); n <= int_at(a, 0); ++n) {
    bool prime = true;
    for (Int d = 2; d * d <= n && prime; ++d) prime = n % d != 0;
    count += prime ? 1 : 0;
  }
  return count;
}

Arguments counts_over_primes(Int k, base::Random& random) { return counts_to(120, k, random); }
Arguments small_counts(Int k, base::Random& random) { return counts_to(60, k, random); }
Arguments large_counts(Int k, base::Random& random) { return counts_to(5000, k, random); }

Value run_lengths(Int k, const std::vector<Value>& a) {
  const std::string& text = text_at(a, 0);
  std::string result;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_not_of(text[begin], begin), text.size());
    if (static_cast<Int>(end - begin) >= k) result += text[begin] + std::to_string(end - begin);
    begin = end;
  }
  return result;
}

Arguments texts_of_runs(Int k, base::Random& random) {
  const auto run = [](Int count, char letter) {
    return std::string(static_cast<std::size_t>(count), letter);
  };
  return with_random({{std::string()},
                      {run(k, 'a')},
                      {run(k - 1, 'b')},
                      {run(k, 'a') + "b" + run(k + 1, 'c') + run(k - 1, 'a')}},
                     [&](int) {
                       std::string text;
                       for (int i = 0; i < 4; ++i)
                         text += run(between(random, 1, static_cast<int>(k) + 2), "abcd"[random.below(4)]);
                       return std::vector<Value>{text};
                     });
}

Value window_sum(Int k, const std::vector<Value>& a) {
  const Ints& numbers = ints_at(a, 0);
  if (static_cast<Int>(numbers.size()) < k) return Int{0};
  std::map<Int, int> sums;
  for (std::size_t i = 0; i + static_cast<std::size_t>(k) <= numbers.size(); ++i) {
    Int sum = 0;
    for (std::size_t j = i; j < i + static_cast<std::size_t>(k); ++j) sum += numbers[j];
    sums[sum] = 1;
  }
  return sums.rbegin()->first;
}

Arguments lists_of_windows(Int k, base::Random& random) {
  const int length = static_cast<int>(k);
  Ints rising, falling;
  for (Int i = 0; i < 2 * k + 1; ++i) {
    rising.push_back(3 * i + 1);
    falling.push_back(50 - 4 * i);
  }
  return with_random({{Ints{}},
                      {Ints(static_cast<std::size_t>(k), 2)},
                      {Ints(static_cast<std::size_t>(k - 1), 7)},
                      {rising},
                      {falling}},
                     [&](int i) { return std::vector<Value>{draw_ints(length + 2 + i, -20, 20, random)}; });
}

Value fewest_coins(Int k, const std::vector<Value>& a) {
  const Int n = int_at(a, 0), j = k + 2;
  Int fewest = n;
  for (Int large = 0; large * j <= n; ++large)
    for (Int middle = 0; large * j + middle * k <= n; ++middle)
      fewest = std::min(fewest, large + middle + (n - large * j - middle * k));
  return fewest;
}

Value longest_rising(Int k, const std::vector<Value>& a) {
  const Ints& numbers = ints_at(a, 0);
  Int best = 0;
  for (std::uint32_t chosen = 0; chosen < 1U << numbers.size(); ++chosen) {  // the lists are short
    Int count = 0, last = 0;
    bool rising = true;
    for (std::size_t i = 0; i < numbers.size() && rising; ++i) {
      if ((chosen >> i & 1U) == 0) continue;
      rising = count == 0 || numbers[i] - last >= k;
      last = numbers[i];
      ++count;
    }
    if (rising) best = std::max(best, count);
  }
  return best;
}

Arguments lists_that_rise(Int k, base::Random& random) {
  return with_random(
      {{Ints{}}, {Ints{4}}, {Ints{0, k, 2 * k}}, {Ints{0, k - 1, 2 * k - 2}}, {Ints{2 * k, k, 1}}},
      [&](int i) { return std::vector<Value>{draw_ints(4 + i, 0, 5 * static_cast<int>(k), random)}; });
}

Value edit_cost(Int k, const std::vector<Value>& values) {
  const std::string &a = text_at(values, 0), &b = text_at(values, 1);
  std::vector<Ints> cost(a.size() + 1, Ints(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    for (std::size_t j = 0; j <= b.size(); ++j) {
      Int least = i + j == 0 ? 0 : 1 << 20;
      if (i > 0) least = std::min(least, cost[i - 1][j] + k);
      if (j > 0) least = std::min(least, cost[i][j - 1] + k);
      if (i > 0 && j > 0) least = std::min(least, cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : k + 2));
      cost[i][j] = least;
    }
  return cost[a.size()][b.size()];
}

Arguments pairs_of_texts(Int, base::Random& random) {
  const auto text = [](const char* plain) { return Value(std::string(plain)); };
  return with_random(
      {{text(""), text("")},
       {text("abc"), text("")},
       {text(""), text("ab")},
       {text("abc"), text("abc")},
       {text("abc"), text("axc")},
       {text("abcd"), text("bcde")}},
      [&](int i) {
        return std::vector<Value>{draw_text(2 + i, "abc", random), draw_text(7 - i, "abc", random)};
      });
}

constexpr std::array kSpecs{
    FunctionSpec{"add-to", 1, 2, 99, "add_to(n)", "int add_to(int n)", "returns n plus {K}", ints_about_k,
                 add_to},
    FunctionSpec{"take-from", 1, 2, 99, "take_from(n)", "int take_from(int n)", "returns n minus {K}",
                 ints_about_k, take_from},
    FunctionSpec{"multiply", 1, 2, 99, "multiply(n)", "int multiply(int n)", "returns n times {K}",
                 ints_about_k, multiply},
    FunctionSpec{"scaled-sum", 2, 2, 60, "scaled_sum(a, b)", "int scaled_sum(int a, int b)",
                 "returns {K} times the sum of a and b", two_ints, scaled_sum},
    FunctionSpec{"larger-plus", 2, 2, 60, "larger_plus(a, b)", "int larger_plus(int a, int b)",
                 "returns the larger one of a and b, plus {K}", two_ints, larger_plus},
    FunctionSpec{"at-least", 2, 2, 60, "at_least(n)", "int at_least(int n)",
                 "returns n, but {K} where n is less than {K}", ints_about_k, at_least},
    FunctionSpec{"sum-multiples", 2, 2, 30, "sum_multiples(n)", "int sum_multiples(int n)",
                 "returns the sum of the positive multiples of {K} that are at most n", small_counts,
                 sum_multiples},
    FunctionSpec{"count-above", 2, 1, 60, "count_above(numbers)",
                 "int count_above(const std::vector<int>& numbers)",
                 "returns how many of the numbers are greater than {K}", lists_about_k, count_above},
    FunctionSpec{"count-letter", 2, 0, 25, "count_letter(text)", "int count_letter(const std::string& text)",
                 "returns how often the letter {L} is in the text", texts_with_letter, count_letter},
    FunctionSpec{"digit-sum", 3, 3, 36, "digit_sum(n)", "int digit_sum(int n)",
                 "returns the sum of the digits of n in base {K} (0 for n = 0)", large_counts, digit_sum},
    FunctionSpec{"longest-run", 3, 1, 60, "longest_run(numbers)",
                 "int longest_run(const std::vector<int>& numbers)",
                 "returns the length of the longest run of neighbouring numbers that are all at least {K}",
                 lists_about_k, longest_run},
    FunctionSpec{
        "shift-letters", 3, 1, 12, "shift_letters(text)",
        "std::string shift_letters(const std::string& text)",
        "moves every lower-case letter of the text {K} places along the alphabet, from z on to a, and leaves "
        "everything else as it is",
        texts_to_shift, shift_letters},
    FunctionSpec{"count-primes", 4, 2, 40, "count_primes(n)", "int count_primes(int n)",
                 "returns how many prime numbers are greater than {K} and at most n", counts_over_primes,
                 count_primes},
    FunctionSpec{"run-lengths", 4, 2, 9, "run_lengths(text)",
                 "std::string run_lengths(const std::string& text)",
                 "returns for each run of one letter in the text the letter and the length of the run, so "
                 "that aaab gives "
                 "a3b1, but leaves out runs of fewer than {K} letters",
                 texts_of_runs, run_lengths},
    FunctionSpec{
        "window-sum", 4, 2, 9, "window_sum(numbers)", "int window_sum(const std::vector<int>& numbers)",
        "returns the largest sum of {K} neighbouring numbers, and 0 if there are fewer numbers than that",
        lists_of_windows, window_sum},
    FunctionSpec{"fewest-coins", 5, 3, 30, "fewest_coins(n)", "int fewest_coins(int n)",
                 "returns the least number of coins worth 1, {K} and {J} that make exactly n", small_counts,
                 fewest_coins},
    FunctionSpec{"longest-rising", 5, 2, 30, "longest_rising(numbers)",
                 "int longest_rising(const std::vector<int>& numbers)",
                 "returns the length of the longest subsequence of the numbers in which each is at least {K} "
                 "more than the "
                 "one before it",
                 lists_that_rise, longest_rising},
    FunctionSpec{"edit-cost", 5, 3, 30, "edit_cost(a, b)",
                 "int edit_cost(const std::string& a, const std::string& b)",
                 "returns the least cost of turning text a into text b, where inserting or removing a letter "
                 "costs {K} and "
                 "replacing one costs {J}",
                 pairs_of_texts, edit_cost},
};

}  // namespace

std::span<const FunctionSpec> function_specs() { return kSpecs; }

}  // namespace moestress::workload
