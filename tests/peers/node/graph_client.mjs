// Keeps people in DynamoDB by Microsoft's Graph client and the document client of the AWS SDK.

import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand, BatchWriteCommand, DynamoDBDocumentClient, GetCommand, PutCommand, paginateQuery,
} from '@aws-sdk/lib-dynamodb';
import { Client, HTTPMessageHandler, RetryHandler, RetryHandlerOptions, TelemetryHandler } from '@microsoft/microsoft-graph-client';

/** The most keys of one BatchGetItem, and items of one BatchWriteItem. */
const KEYS_MAX = 100;
const WRITES_MAX = 25;
/** Batches of writes under way at a time. */
const IN_FLIGHT = 8;

const needs = JSON.parse(process.argv[2]);

/** The delta link is no longer accepted: everybody must be read again. */
class Expired extends Error {}

/** Puts the token into each request. The client's own handler does so over HTTPS only. */
class Authorization {
  async execute(context) {
    context.options.headers = { ...context.options.headers, Authorization: `Bearer ${needs.access_token}` };
    return this.next.execute(context);
  }

  setNext(next) {
    this.next = next;
  }
}

function chain(handlers) {
  handlers.slice(0, -1).forEach((handler, index) => handler.setNext(handlers[index + 1]));
  return handlers[0];
}

const graph = Client.initWithMiddleware({
  baseUrl: needs.graph,
  customHosts: new Set([new URL(needs.graph).hostname]),
  middleware: chain([new Authorization(), new RetryHandler(new RetryHandlerOptions()), new TelemetryHandler(), new HTTPMessageHandler()]),
});

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint: needs.dynamodb, region: 'local', credentials }));

/** Walks from a delta link, or from the beginning. */
async function* pages(link) {
  let ask = link ? graph.api(local(link)) : graph.api('/users/delta').select(['id', 'manager', ...needs.attributes]);
  while (ask) {
    const page = await ask.get().catch((error) => {
      throw error.statusCode === 410 || error.code === 'syncStateNotFound' ? new Expired() : error;
    });
    yield { entries: page.value.map(managed), link: page['@odata.deltaLink'] };
    ask = page['@odata.nextLink'] && graph.api(local(page['@odata.nextLink']));
  }
}

/** The client follows whole links over HTTPS only. */
const local = (link) => link.replace(`${needs.graph}/v1.0`, '');

/** An entry with the manager's id in place of what changed about the manager. */
function managed({ 'manager@delta': news, ...entry }) {
  return news ? { ...entry, manager: news.find((manager) => !manager['@removed'])?.id ?? null } : entry;
}

/** One round. */
async function sync() {
  const state = await dynamodb.send(new GetCommand({ TableName: needs.table, Key: STATE, ConsistentRead: true }));
  let link = state.Item?.link;
  try {
    if (!link) {
      throw new Expired();
    }
    link = await applyChanges(pages(link));
  } catch (error) {
    if (!(error instanceof Expired)) {
      throw error;
    }
    link = await applyEverybody(pages());
  }
  await dynamodb.send(new PutCommand({ TableName: needs.table, Item: { ...STATE, link } }));
}

/** Entries hold what changed, so each is laid over what is stored. */
async function applyChanges(walk) {
  let last;
  for await (const { entries, link } of walk) {
    const before = await read(entries.map((entry) => entry.id));
    const writes = new Map();
    for (const entry of entries) {
      const person = { ...before.get(entry.id), ...entry };
      if (entry['@removed']) {
        writes.set(entry.id, removal(entry.id));
      } else if (digest(person) !== before.get(entry.id)?.digest) {
        writes.set(entry.id, put(person));
      }
    }
    await write([...writes.values()]);
    last = link;
  }
  return last;
}

/** Writes whoever differs from what is stored, and deletes whoever is no longer there. */
async function applyEverybody(walk) {
  const before = await digests();
  const met = new Set();
  let last;
  for await (const { entries, link } of walk) {
    const writes = new Map();
    for (const person of entries.filter((entry) => !entry['@removed'])) {
      met.add(person.id);
      if (digest(person) !== before.get(person.id)) {
        writes.set(person.id, put(person));
      }
    }
    await write([...writes.values()]);
    last = link;
  }
  await write([...before.keys()].filter((id) => !met.has(id)).map(removal));
  return last;
}

const STATE = { pk: needs.tenant, sk: 'state' };
const EVERYBODY = {
  TableName: needs.table,
  KeyConditionExpression: 'pk = :pk AND begins_with(sk, :person)',
  ExpressionAttributeValues: { ':pk': needs.tenant, ':person': 'person#' },
};

const key = (id) => ({ pk: needs.tenant, sk: `person#${id}` });
const put = (person) => ({ PutRequest: { Item: { ...person, ...key(person.id), digest: digest(person) } } });
const removal = (id) => ({ DeleteRequest: { Key: key(id) } });

/** A digest of what Graph shows, without what was added to store it. */
function digest({ pk, sk, digest, ...shown }) {
  return createHash('sha256').update(JSON.stringify(sorted(shown))).digest('hex');
}

/** The same with its keys in order, however DynamoDB kept them. */
function sorted(value) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return value;
  }
  return Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]));
}

async function digests() {
  const found = new Map();
  for await (const page of paginateQuery({ client: dynamodb }, { ...EVERYBODY, ProjectionExpression: 'id, digest' })) {
    page.Items.forEach((item) => found.set(item.id, item.digest));
  }
  return found;
}

async function stored() {
  let count = 0;
  for await (const page of paginateQuery({ client: dynamodb }, { ...EVERYBODY, Select: 'COUNT' })) {
    count += page.Count;
  }
  return count;
}

async function read(ids) {
  const found = new Map();
  for (const batch of batches([...new Set(ids)], KEYS_MAX)) {
    let left = { [needs.table]: { Keys: batch.map(key) } };
    while (left && Object.keys(left).length > 0) {
      const answer = await dynamodb.send(new BatchGetCommand({ RequestItems: left }));
      answer.Responses?.[needs.table]?.forEach((item) => found.set(item.id, item));
      left = answer.UnprocessedKeys;
    }
  }
  return found;
}

async function write(requests) {
  for (const some of batches(batches(requests, WRITES_MAX), IN_FLIGHT)) {
    await Promise.all(some.map(writeBatch));
  }
}

async function writeBatch(batch) {
  let left = { [needs.table]: batch };
  while (left && Object.keys(left).length > 0) {
    left = (await dynamodb.send(new BatchWriteCommand({ RequestItems: left }))).UnprocessedItems;
  }
}

function batches(items, size) {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
}

async function createTable() {
  await dynamodb.send(new CreateTableCommand({
    TableName: needs.table,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }, { AttributeName: 'sk', KeyType: 'RANGE' }],
  }));
}

const WORDS = { wake: async () => 0, sync: async () => (await sync(), 0), stored };

await createTable();
console.log(0);
for await (const word of createInterface({ input: process.stdin })) {
  console.log(await WORDS[word]());
}
