"""A bucket that believes the keys it prints and nobody else's, and that its test can look into.

Prints endpoint and keys, then answers each line of its input: `list`, `get NAME`, `versions`.
"""

import json
import logging
import os
import sys

# The first requests make the user and the bucket; from then on every signature is checked.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "4"

import boto3  # noqa: E402: the server reads the environment when it is loaded
from moto.server import ThreadedMotoServer  # noqa: E402

NAME = "recordings"
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}


def client(service, endpoint, key="none", secret="none"):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )


def answer(bucket, line):
    word, _, name = line.strip().partition(" ")
    if word == "list":
        objects = bucket.list_objects_v2(Bucket=NAME).get("Contents", [])
        return sorted(each["Key"] for each in objects)
    if word == "get":
        return bucket.get_object(Bucket=NAME, Key=name)["Body"].read().hex()
    if word == "versions":
        kept = {"Status": "Enabled"}
        bucket.put_bucket_versioning(Bucket=NAME, VersioningConfiguration=kept)
        return "on"
    raise ValueError(line)


def main():
    logging.disable(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    iam = client("iam", endpoint)
    iam.create_user(UserName="gateway")
    document = json.dumps(EVERYTHING)
    iam.put_user_policy(UserName="gateway", PolicyName="all", PolicyDocument=document)
    made = iam.create_access_key(UserName="gateway")["AccessKey"]
    key, secret = made["AccessKeyId"], made["SecretAccessKey"]
    client("s3", endpoint).create_bucket(Bucket=NAME)
    print(json.dumps({"endpoint": endpoint, "key": key, "secret": secret}), flush=True)
    bucket = client("s3", endpoint, key, secret)
    for line in sys.stdin:
        print(json.dumps(answer(bucket, line)), flush=True)


main()
