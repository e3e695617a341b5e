"""Creates both templates on an emulated AWS, looks whether what they name is there, and deletes them again.

    python infra/check/create.py

Starts ministack by itself, on a free port of this machine, and ends it. The functions are empty archives: whether they run is asked by
other tests. A faulty template is told by the first event that failed.
"""

import io
import os
import pathlib
import re
import socket
import subprocess
import sys
import time
import zipfile

import boto3
import urllib3

INFRA = pathlib.Path(__file__).resolve().parent.parent
STAGE = "check"
REGION = "eu-central-1"
RELEASE = "first"
# The longest wait for the emulator to answer, and for one stack.
PATIENCE_SECONDS = 120

# What an operator chooses, as far as there is no default; and everything that is optional, so that every condition holds once.
NEEDED = {
    "Stage": STAGE,
    "Release": RELEASE,
    "ClientId": "11111111-2222-3333-4444-555555555555",
    "PortalOrigins": "https://portal.example",
    "CallerKeys": '{"keys": []}',
    "OperatorName": "Contoso Signatures",
}
EVERYTHING = NEEDED | {
    "Credentials": "federated,certificate",
    "CertificateKeyArn": f"arn:aws:kms:{REGION}:000000000000:key/11111111-2222-3333-4444-555555555555",
    "DomainName": "consent.example.com",
    "DomainCertificateArn": f"arn:aws:acm:{REGION}:000000000000:certificate/11111111-2222-3333-4444-555555555555",
    "WidgetDomainName": "widget.example.com",
    "WidgetCertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/11111111-2222-3333-4444-555555555555",
    "OperatorMails": "duty@operator.example",
    "PortalUrl": "https://portal.example/connections",
    "MailDomain": "mail.example.com",
    "AlarmMail": "nobody@example.com",
}


def main() -> int:
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    environment = os.environ | {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "AWS_ENDPOINT_URL": endpoint}
    emulator = subprocess.Popen([sys.executable, "-m", "ministack"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(endpoint)
        return check(Cloud(endpoint))
    finally:
        emulator.terminate()
        emulator.wait(timeout=30)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(endpoint: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            urllib3.PoolManager().request("GET", f"{endpoint}/_ministack/health", retries=False, timeout=2)
            return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.2)
    raise SystemExit(f"the emulator does not answer at {endpoint}")


class Cloud:
    """Clients of the emulated AWS."""

    def __init__(self, endpoint: str):
        self._session = boto3.Session(aws_access_key_id="check", aws_secret_access_key="check", region_name=REGION)
        self._endpoint = endpoint

    def __getattr__(self, service: str):
        return self._session.client(service.rstrip("_"), endpoint_url=self._endpoint)


def check(cloud: Cloud) -> int:
    cloud.s3.create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": REGION})
    make(cloud, "data", {"Stage": STAGE})
    put_functions(cloud)
    faults = missing_data(cloud)
    for parameters in (NEEDED, EVERYTHING):
        make(cloud, "template", parameters)
        faults += missing(cloud, parameters)
        remove(cloud, "template")
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 1 if faults else 0


def known_to_the_emulator(template: str) -> str:
    """A template without alarms on metric math, which ministack refuses; what the dashboard says of them goes with them."""
    text = (INFRA / f"{template}.yaml").read_text()
    for alarm in re.findall(r"\n  \w+:\n    Type: AWS::CloudWatch::Alarm\n(?:    .*\n)+", text):
        if "\n      Metrics:\n" in alarm:
            name = alarm.strip().partition(":")[0]
            text = text.replace(alarm, "\n").replace(f'"${{{name}.Arn}}", ', "").replace(f', "${{{name}.Arn}}"', "")
            print(f"{template}.yaml: {name} is left out, because the emulator knows no metric math")
    return text


def make(cloud: Cloud, template: str, parameters: dict[str, str]) -> None:
    """Creates one stack, and ends the program where that fails, with the reason of the first failure."""
    name = f"evergrant-{STAGE}-{template}"
    # Too long for the request itself, as with AWS: it lies in a bucket.
    cloud.s3.put_object(Bucket="templates", Key=f"{template}.yaml", Body=known_to_the_emulator(template).encode())
    cloud.cloudformation.create_stack(
        StackName=name,
        TemplateURL=f"https://s3.{REGION}.amazonaws.com/templates/{template}.yaml",
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    end = time.monotonic() + PATIENCE_SECONDS
    status = "CREATE_IN_PROGRESS"
    while status.endswith("_IN_PROGRESS") and time.monotonic() < end:
        time.sleep(0.5)
        status = cloud.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    if status != "CREATE_COMPLETE":
        events = cloud.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        failed = [event for event in events if "FAILED" in event["ResourceStatus"]]
        told = [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in failed]
        raise SystemExit(f"{template}.yaml ends as {status}: {told}")
    resources = cloud.cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    print(f"{template}.yaml with {len(parameters)} parameters: {len(resources)} resources")


def remove(cloud: Cloud, template: str) -> None:
    name = f"evergrant-{STAGE}-{template}"
    cloud.cloudformation.delete_stack(StackName=name)
    cloud.cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": PATIENCE_SECONDS})


def functions() -> list[str]:
    """The crates that are functions."""
    return [main.parent.parent.name for main in sorted((INFRA.parent / "functions").glob("*/src/main.rs"))]


def put_functions(cloud: Cloud) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("bootstrap", "#!/bin/sh\nexit 1\n")
    stack = cloud.cloudformation.describe_stacks(StackName=f"evergrant-{STAGE}-data")["Stacks"][0]
    bucket = next(output["OutputValue"] for output in stack["Outputs"] if output["OutputKey"] == "ReleaseBucket")
    for function in functions():
        cloud.s3.put_object(Bucket=bucket, Key=f"{RELEASE}/{function}.zip", Body=archive.getvalue())


def missing_data(cloud: Cloud) -> list[str]:
    faults = []
    for table in ("connections", "people"):
        name = f"evergrant-{STAGE}-{table}"
        seen = cloud.dynamodb.describe_table(TableName=name)["Table"]
        if seen.get("BillingModeSummary", {}).get("BillingMode") != "PAY_PER_REQUEST":
            faults.append(f"{name} is not on demand")
        if not seen.get("DeletionProtectionEnabled"):
            faults.append(f"{name} may be deleted")
    stream = cloud.dynamodb.describe_table(TableName=f"evergrant-{STAGE}-people")["Table"].get("StreamSpecification", {})
    if stream.get("StreamViewType") != "NEW_AND_OLD_IMAGES":
        faults.append("the people table has no stream of new and old images")
    return faults


def missing(cloud: Cloud, parameters: dict[str, str]) -> list[str]:
    """What should be there and is not, by its name."""
    expected = set(functions())
    names = {f"evergrant-{STAGE}-{name}" for name in expected}
    made = {function["FunctionName"] for function in cloud.lambda_.list_functions()["Functions"]}
    faults = [f"function {name} is not there" for name in sorted(names - made)]
    sources = cloud.lambda_.list_event_source_mappings()["EventSourceMappings"]
    if len(sources) != 4:
        faults.append(f"{len(sources)} event sources instead of 4")
    rules = [rule["Name"] for rule in cloud.events.list_rules()["Rules"]]
    if ("MailDomain" in parameters) != (f"evergrant-{STAGE}-mail-outcome" in rules):
        faults.append(f"what becomes of mails is told by the rules {rules}")
    ticks = {schedule["Name"] for schedule in cloud.scheduler.list_schedules()["Schedules"]}
    ticking = {f"evergrant-{STAGE}-{name}" for name in expected - {"change-events", "portal-api"}}
    faults += [f"schedule {name} is not there" for name in sorted(ticking - ticks)]
    routes = [route["RouteKey"] for api in cloud.apigatewayv2.get_apis()["Items"] for route in cloud.apigatewayv2.get_routes(ApiId=api["ApiId"])["Items"]]
    if routes != ["ANY /v1/{proxy+}"]:
        faults.append(f"the API has the routes {routes}")
    return faults


if __name__ == "__main__":
    sys.exit(main())
