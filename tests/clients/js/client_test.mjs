// OpenAI's own client for JavaScript against a running server. Starts nothing: BASE_URL names the server.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const baseUrl = process.env.BASE_URL;
assert.ok(baseUrl, "set BASE_URL to the server's URL");
const client = new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey: "none", maxRetries: 0 });
const model = (await client.models.list()).data[0].id;
const messages = [{ role: "user", content: "Name three rivers." }];
const greedy = { model, messages, temperature: 0, seed: 1, max_tokens: 12 };

async function metric(name) {
  const text = await (await fetch(`${baseUrl}/metrics`)).text();
  return Number(text.match(new RegExp(`^${name} (\\S+)$`, "m"))[1]);
}

test("models are listed and retrieved", async () => {
  const one = await client.models.retrieve(model);
  assert.equal(one.id, model);
  assert.equal(one.object, "model");
});

test("a chat is answered with its usage", async () => {
  const reply = await client.chat.completions.create({ ...greedy, ignore_eos: true });
  assert.equal(reply.object, "chat.completion");
  assert.equal(reply.model, model);
  assert.equal(reply.choices.length, 1);
  assert.equal(reply.choices[0].message.role, "assistant");
  assert.equal(reply.choices[0].finish_reason, "length");
  assert.equal(reply.usage.completion_tokens, 12);
  assert.equal(reply.usage.total_tokens, reply.usage.prompt_tokens + 12);
});

test("a stream gives the same text, and usage when asked", async () => {
  const whole = await client.chat.completions.create(greedy);
  const stream = await client.chat.completions.create({
    ...greedy,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let usage = null;
  const reasons = [];
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    if (chunk.choices[0]?.finish_reason) reasons.push(chunk.choices[0].finish_reason);
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.deepEqual(reasons, [whole.choices[0].finish_reason]);
  assert.deepEqual(usage, whole.usage);
});

test("the client's own accumulator takes the stream", async () => {
  const whole = await client.chat.completions.create(greedy);
  const final = await client.chat.completions.stream({ ...greedy, stream: true }).finalChatCompletion();
  assert.equal(final.choices[0].message.content, whole.choices[0].message.content);
});

test("chat logprobs", async () => {
  const reply = await client.chat.completions.create({ ...greedy, logprobs: true, top_logprobs: 3, ignore_eos: true });
  const content = reply.choices[0].logprobs.content;
  assert.equal(content.length, reply.usage.completion_tokens);
  for (const token of content) {
    assert.ok(token.logprob <= 0);
    assert.equal(token.top_logprobs.length, 3);
    assert.ok(token.top_logprobs[0].logprob >= token.top_logprobs[2].logprob);
  }
});

test("a text completion with logprobs", async () => {
  const reply = await client.completions.create({ model, prompt: "Once", temperature: 0, max_tokens: 5, logprobs: 2 });
  assert.equal(reply.object, "text_completion");
  const logprobs = reply.choices[0].logprobs;
  assert.equal(logprobs.tokens.length, reply.usage.completion_tokens);
  assert.equal(logprobs.token_logprobs.length, logprobs.tokens.length);
  assert.equal(logprobs.text_offset[0] ?? 0, 0);
});

test("errors become the client's exceptions", async () => {
  await assert.rejects(client.chat.completions.create({ ...greedy, model: "no-such-model" }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, "model_not_found");
    return true;
  });
  await assert.rejects(client.chat.completions.create({ ...greedy, temperature: 9 }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, "temperature");
    return true;
  });
  await assert.rejects(client.chat.completions.create({ ...greedy, max_tokens: 10_000_000 }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.code, "context_length_exceeded");
    assert.match(error.message, /maximum context length is \d+ tokens/);
    return true;
  });
  await assert.rejects(client.models.retrieve("no-such-model"), OpenAI.NotFoundError);
});

test("an aborted stream frees its slot within a second", async () => {
  const stream = await client.chat.completions.create({
    ...greedy,
    stream: true,
    max_tokens: 8000,
    ignore_eos: true,
  });
  let busy = 0;
  for await (const chunk of stream) {
    if (!chunk.choices[0]?.delta?.content) continue;
    busy = await metric("moestress_slots_busy");
    break; // on which the client aborts the request
  }
  assert.equal(busy, 1);
  const until = Date.now() + 1000;
  while ((await metric("moestress_slots_busy")) > 0) {
    assert.ok(Date.now() < until, "the slot is still busy a second after the client left");
  }
});
