// The smallest useful function: it reads one item. Its client is made at start, as AWS advises; the loop is what Lambda's runtime does.

import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";

const client = new DynamoDBClient({});
const runtime = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;

async function handle(event) {
  const { Item } = await client.send(new GetItemCommand({ TableName: "connections", Key: { pk: { S: event.pk }, sk: { S: event.sk } } }));
  return Item ?? null;
}

for (;;) {
  const asked = await fetch(`${runtime}/next`);
  const answer = await handle(await asked.json());
  await fetch(`${runtime}/${asked.headers.get("lambda-runtime-aws-request-id")}/response`, { method: "POST", body: JSON.stringify(answer) });
}
