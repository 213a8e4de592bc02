// JavaScript clients that people have, unchanged, against a running server: what clients.py does for Python.
//
//     mkdir scratch && cd scratch && npm install openai ai @ai-sdk/openai-compatible
//     node .../benchmarks/clients.mjs http://127.0.0.1:8000 [MODEL] [KEY]
//
// The packages are looked for where it is started. What is not installed is left out and told. Exits with 1 if anything
// that was tried failed.

import { createRequire } from "node:module";
import { join } from "node:path";
import { readFileSync } from "node:fs";

const here = createRequire(join(process.cwd(), "package.json"));
const [url, model = "base", key = "none"] = process.argv.slice(2);
const QUESTION = "Give me the word in the plural form: wolf";
const LONG = 12; // tokens of an answer
const SCHEMA = {
  type: "object",
  properties: { word: { type: "string", maxLength: 12 } },
  required: ["word"],
  additionalProperties: false,
};

// Both say the same, and something.
function same(a, b) {
  if (!a || a !== b) throw new Error(`${JSON.stringify(a)} and ${JSON.stringify(b)}`);
}

function holds(fact, shown) {
  if (!fact) throw new Error(JSON.stringify(shown));
}

// The client understands that there is no such model: 404, and our words.
async function refused(work, status) {
  try {
    await work();
  } catch (error) {
    return holds(status(error) === 404 && /is no model here/.test(error.message), String(error));
  }
  throw new Error("no error");
}

async function joined(parts, text) {
  let found = "";
  for await (const part of parts) found += text(part) ?? "";
  return found;
}

function withOpenai() {
  const OpenAI = here("openai");
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const asked = [{ role: "user", content: QUESTION }];
  const tools = [{ type: "function", function: { name: "say", parameters: SCHEMA } }];
  const chat = async (messages = asked, more = {}) =>
    (await client.chat.completions.create({ model, messages, max_tokens: LONG, ...more })).choices[0].message;
  return {
    chat: async () => holds((await chat()).content),
    stream: async () => {
      const chunks = await client.chat.completions.create({ model, messages: asked, max_tokens: LONG, stream: true });
      same((await chat()).content, await joined(chunks, (c) => c.choices[0]?.delta?.content));
    },
    turns: async () => {
      const told = [...asked, await chat(), { role: "user", content: "And of mouse?" }];
      same((await chat(told)).content, (await chat(told)).content);
    },
    call: async () => {
      const found = await chat(asked, { tools, tool_choice: "required", max_tokens: 80 });
      const [call] = found.tool_calls;
      holds(call.function.name === "say" && "word" in JSON.parse(call.function.arguments), found);
      const answer = { role: "tool", tool_call_id: call.id, content: "wolves" };
      holds((await chat([...asked, found, answer])).content);
    },
    schema: async () => {
      const format = { type: "json_schema", json_schema: { name: "say", strict: true, schema: SCHEMA } };
      const found = await client.chat.completions.parse({
        model, messages: asked, max_tokens: 80, response_format: format,
      });
      const said = found.choices[0].message;
      holds("word" in JSON.parse(said.content), said);
      holds((await chat([...asked, said, ...asked])).content); // with the field `parsed` that the client put there
    },
    responses: async () => {
      const found = await client.responses.create({ model, input: QUESTION, max_output_tokens: LONG });
      same(found.output_text, (await chat()).content);
    },
    embeddings: async () => {
      const found = await client.embeddings.create({ model: "embedder", input: [QUESTION] });
      holds(found.data[0].embedding.length > 1, found);
    },
    models: async () => holds((await client.models.list()).data.some((m) => m.id === model)),
    error: () => refused(() => chat(asked, { model: "nobody" }), (e) => e instanceof OpenAI.NotFoundError && e.status),
  };
}

function withAi() {
  const { generateText, streamText, Output, jsonSchema, tool, stepCountIs } = here("ai");
  const { createOpenAICompatible } = here("@ai-sdk/openai-compatible");
  const server = createOpenAICompatible({
    name: "genlora", baseURL: `${url}/v1`, apiKey: key, supportsStructuredOutputs: true, includeUsage: true,
  });
  const more = { model: server(model), maxOutputTokens: LONG, maxRetries: 0 };
  const asked = [{ role: "user", content: QUESTION }];
  const say = tool({ inputSchema: jsonSchema(SCHEMA), execute: async ({ word }) => `${word}s` });
  return {
    chat: async () => holds((await generateText({ ...more, prompt: QUESTION })).text),
    stream: async () => {
      const found = streamText({ ...more, prompt: QUESTION });
      same((await generateText({ ...more, prompt: QUESTION })).text, await joined(found.textStream, (t) => t));
      holds((await found.usage).outputTokens > 0, await found.usage);
    },
    turns: async () => {
      const first = await generateText({ ...more, messages: asked });
      const told = [...asked, ...first.response.messages, { role: "user", content: "And of mouse?" }];
      const again = () => generateText({ ...more, system: "Be brief.", messages: told });
      same((await again()).text, (await again()).text);
    },
    call: async () => {
      const found = await generateText({
        ...more, messages: asked, maxOutputTokens: 80, tools: { say }, stopWhen: stepCountIs(2),
        prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "none" }),
      });
      holds(found.steps.length === 2 && found.steps[0].toolResults[0]?.toolName === "say", found.steps);
    },
    "streamed call": async () => {
      const found = streamText({ ...more, messages: asked, maxOutputTokens: 80, tools: { say }, toolChoice: "required" });
      holds((await found.toolCalls)[0]?.toolName === "say", await found.toolCalls);
    },
    schema: async () => {
      const output = Output.object({ schema: jsonSchema(SCHEMA) });
      const found = await generateText({ ...more, messages: asked, maxOutputTokens: 80, output });
      holds(typeof found.output.word === "string", found.output);
    },
    error: () => refused(() => generateText({ ...more, model: server("nobody"), prompt: QUESTION }), (e) => e.statusCode),
  };
}

function version(name) {
  try {
    return JSON.parse(readFileSync(join(process.cwd(), "node_modules", name, "package.json"))).version;
  } catch {
    return null;
  }
}

let failed = 0;
for (const [name, steps] of Object.entries({ openai: withOpenai, ai: withAi })) {
  const known = version(name);
  if (known === null) {
    console.log(`${name}: not installed`);
    continue;
  }
  for (const [step, work] of Object.entries(steps())) {
    try {
      await work();
      console.log(`${name} (npm) ${known} ${step}: right`);
    } catch (error) {
      failed = 1;
      console.log(`${name} (npm) ${known} ${step}: WRONG ${String(error).slice(0, 300)}`);
    }
  }
}
process.exit(failed);
