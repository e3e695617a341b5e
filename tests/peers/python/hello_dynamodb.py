"""The smallest useful function: it reads one item. Its client is made at start, as AWS advises; the loop is what Lambda's runtime does."""

import http.client
import json
import os

import boto3

table = boto3.resource("dynamodb").Table("connections")


def handle(event):
    return table.get_item(Key={"pk": event["pk"], "sk": event["sk"]}).get("Item")


def main():
    runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        runtime.request("GET", "/2018-06-01/runtime/invocation/next")
        asked = runtime.getresponse()
        event = json.loads(asked.read())
        answer = json.dumps(handle(event))
        runtime.request("POST", f"/2018-06-01/runtime/invocation/{asked.headers['lambda-runtime-aws-request-id']}/response", answer)
        runtime.getresponse().read()


main()
