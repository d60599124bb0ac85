#include "forge/sample_text.h"

namespace moestress::forge {

std::string_view sample_text() {
  return R"sample(The system reads a question and writes an answer. You are a helpful assistant. Answer the question
with a short sentence. What is the name of the city? The answer is in the first line of the text.

A language model predicts the next word from the words that came before it. With a mixture of experts, each word is
sent to a few of the experts, and the others rest. A router decides which of them should work. When the router sends
every word to the same experts, the model has less to say than its size would suggest, and the machine that holds it
does more work on one side than on the other. That is why people measure how the work is shared between them.

The memory of the machine is not one thing. There is a small fast part near the processor, a larger part that is
slower, and a disk that is slower still. A program that keeps most of its numbers in the large part can run a model that
is bigger than the fast part alone would allow. The price is time: each step has to wait until the numbers arrive. If the
same numbers are needed again soon, a cache can help. If they are not, it can only get in the way.

Once upon a time there was a young woman who lived in a small house at the end of a long road. Every morning she walked
down to the river, and every evening she came back with water and with stories. One day she found a letter under the
door. "Come to the mountain before the winter," it said, "and bring the old lamp with you." She looked at the lamp for a
long time. Then she put on her coat, closed the house, and went out into the rain. The children of the village said that
they saw her light for many nights, moving slowly up the side of the mountain, until the first snow fell.

In the year 1815 the war was over, and the people of the city began to build again. Trade came back to the harbour. Ships
brought sugar, cotton and coffee, and took away cloth, iron and books. The government wrote a new law, and the courts
had to decide what it should mean. The contract between the parties shall be governed by this law. Neither party may
transfer its rights under this agreement without the written consent of the other party. If any part of this agreement is
found to be void, the other parts shall remain in force.

The heart moves blood through the body. The blood carries oxygen from the lungs to the muscles and takes carbon dioxide
back. A doctor who listens to the chest of a patient can hear whether the valves close as they should. The patient should
take the medicine two times a day with food and see the doctor again after four weeks if the pain does not become less.

Light travels at about 300000 kilometres per second. The energy of a particle is equal to its mass times the square of
the speed of light. Plants use the energy of the sun to turn water and carbon dioxide into sugar and oxygen. The planet
moves around the sun in one year, and the moon moves around the planet in about 27 days. Water boils at 100 degrees and
freezes at 0 degrees. Iron, copper and silver are metals; oxygen, nitrogen and hydrogen are gases.

Let x be a number such that 2x + 3 = 11. Then 2x = 8, so x = 4. The sum of the first n numbers is n(n + 1)/2. For example,
the sum of the numbers from 1 to 100 is 5050. The probability that two of 23 people have the same birthday is greater than
1/2. Suppose that f is a continuous function on the interval [0, 1] with f(0) = 0 and f(1) = 1. Then there is a point c
between 0 and 1 such that f(c) = 1/2. If a train travels 60 miles in 1 hour, how many miles does it travel in 3 hours? It
travels 60 * 3 = 180 miles. What is 12 + 30? 12 + 30 = 42. What is 7 * 8? 7 * 8 = 56. What is 144 / 12? 144 / 12 = 12.

First, put the flour, the sugar and a little salt into a bowl. Then add two eggs and some milk, and stir until there are
no lumps. Leave it for half an hour. Put some butter in a pan and make it hot. Put in enough to cover the bottom, turn it
when it is brown, and serve it with fruit or with cheese. This is enough for four people.

def add(a, b):
    return a + b

def is_prime(n):
    if n < 2:
        return False
    for i in range(2, int(n ** 0.5) + 1):
        if n % i == 0:
            return False
    return True

def reverse(text):
    result = ""
    for character in text:
        result = character + result
    return result

class Stack:
    def __init__(self):
        self.items = []

    def push(self, item):
        self.items.append(item)

    def pop(self):
        if not self.items:
            raise IndexError("pop from an empty stack")
        return self.items.pop()

import json
import os

def read_config(path):
    with open(path) as file:
        config = json.load(file)
    for key, value in config.items():
        print(key, value)
    return config

#include <stdio.h>
#include <vector>

int main(int argc, char** argv) {
    std::vector<int> numbers;
    for (int i = 0; i < 10; i++) {
        numbers.push_back(i * i);
    }
    for (int number : numbers) {
        printf("%d\n", number);
    }
    return 0;
}

function sum(values) {
    let total = 0;
    for (const value of values) {
        total += value;
    }
    return total;
}

SELECT name, count(*) FROM orders WHERE price > 100 GROUP BY name ORDER BY name;

{"name": "test", "values": [1, 2, 3], "enabled": true, "error": null}

Write a function that takes a list of numbers and returns the largest one. Explain how it works, step by step. Here is
the code. The function goes through the list once and remembers the largest number that it has seen so far. At the end it
returns that number. If the list is empty, there is no largest number, and the function raises an error.

What do you think about this? I think that it depends on what you want to do. If you have time, read the whole book; if
you don't, read the first chapter and the last one. Please tell me more about it. Thank you, that was very helpful. Can you
write a poem about the sea? The sea is wide, the sea is deep, it sings the tired world to sleep. Could you translate this
sentence? Give me a list of three things that people should know before they visit a new country. One: learn some words of
the language. Two: carry a map. Three: be kind to people, and they will be kind to you.

The user asked for a summary of the meeting. The team agreed to release the new version of the product on Monday. The
manager will send a message to the customers. There were some problems with the server on Friday: requests were slow, and
some of them failed. The engineers found that the disk was full, and they moved the old files to another machine. After
that the requests were fast again. Everyone should check the space on the disk at least once a week.

The price of a share went up by 3 percent on Tuesday after the company said that its profit had grown. The bank will keep
interest rates where they are. Prices of food and energy have increased, but less than last year. People who save money
would like higher rates; people who borrow money would like lower ones.

Who wrote this book? Where does the river begin? When did the first train run? Why is the sky blue? How does a bird fly?
Which of these is the right answer? Choose A, B, C or D. The correct answer is B because the other three are too small.
)sample";
}

}  // namespace moestress::forge
