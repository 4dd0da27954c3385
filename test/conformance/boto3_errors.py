"""Every class of error through boto3: code, status, text and members of the answer."""
from steps import REGION, WORLD, client, equal, fails, run, step

vms = client("lambda-microvms")
core = client("lambda-core")
narrow_vms = client("lambda-microvms", WORLD["narrowEnv"])
narrow_core = client("lambda-core", WORLD["narrowEnv"])
ann = {"aws_access_key_id": WORLD["ann"]["accessKeyId"], "aws_secret_access_key": WORLD["ann"]["secretAccessKey"]}
ann_vms = client("lambda-microvms", **ann)
ann_core = client("lambda-core", **ann)
ACCOUNT = WORLD["accountId"]
IMAGE = WORLD["image"]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/net"
UNKNOWN = "microvm-00000000-0000-4000-8000-000000000000"


def vpc(**members):
    return {"VpcEgressConfiguration": {
        "SubnetIds": ["subnet-1"], "NetworkProtocol": "IPv4", "AssociatedComputeResourceTypes": ["MicroVm"],
        **members}}


def create(name="errors", configuration=None, service=core, **settings):
    return service.create_network_connector(
        Name=name, Configuration=configuration or vpc(), **{"OperatorRole": ROLE, **settings})


@step("boto3: ValidationException gathers every violation, in both services")
def _():
    response = fails(lambda: vms.run_microvm(maximumDurationInSeconds=0, runHookPayload="secret" * 1000),
                     "ValidationException", 400)
    message = response["Error"]["Message"]
    head, items = message.split(": ", 1)
    equal(head, "3 validation errors detected")
    equal(sorted(items.split("; ")), [
        "Value '0' at 'maximumDurationInSeconds' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1",
        "Value at 'runHookPayload' failed to satisfy constraint: Member must have length less than or equal to 4096",
        "Value null at 'imageIdentifier' failed to satisfy constraint: Member must not be null",
    ])
    fails(lambda: vms.run_microvm(imageIdentifier=IMAGE, idlePolicy={"maxIdleDurationSeconds": 60}),
          "ValidationException", 400)
    many = [f"subnet-{number}" for number in range(17)]
    response = fails(lambda: create(configuration=vpc(SubnetIds=many)), "ValidationException", 400)
    assert "at 'configuration.vpcEgressConfiguration.subnetIds' failed" in response["Error"]["Message"]


@step("boto3: InvalidParameterValueException of lambda-core, in AWS's sentences")
def _():
    wrong = "InvalidParameterValueException"
    fails(lambda: create(ClientToken=""), "ValidationException", 400)
    fails(lambda: create(OperatorRole=None), wrong, 400,
          "NetworkConnectorOperatorRole is required for VPC_EGRESS connector type", Type="User")
    for member in ("NetworkProtocol", "AssociatedComputeResourceTypes"):
        configuration = vpc()
        del configuration["VpcEgressConfiguration"][member]
        fails(lambda: create(configuration=configuration), wrong, 400, f"{member} cannot be null or empty")
    fails(lambda: vms.tag_resource(Resource=IMAGE, Tags={"AWS:x": "1"}), wrong, 400, Type="User")


@step("boto3: ResourceNotFoundException of both services")
def _():
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:network-connector:nc-none"
    for call in (core.get_network_connector, core.delete_network_connector, core.update_network_connector):
        fails(lambda: call(Identifier="nc-none"), "ResourceNotFoundException", 404,
              f"Network connector not found for: {arn}", Type="User")
    for call in (vms.get_microvm, vms.suspend_microvm, vms.resume_microvm, vms.terminate_microvm):
        fails(lambda: call(microvmIdentifier=UNKNOWN), "ResourceNotFoundException", 404,
              f"MicroVM not found: {UNKNOWN}", resourceId=None, resourceType=None)
    fails(lambda: vms.create_microvm_auth_token(
        microvmIdentifier=UNKNOWN, expirationInMinutes=5, allowedPorts=[{"port": 80}]),
        "ResourceNotFoundException", 404)
    fails(lambda: vms.get_microvm_image_build(imageIdentifier=IMAGE, imageVersion="1.0", buildId="x"),
          "ResourceNotFoundException", 404)


@step("boto3: ResourceConflictException and NetworkConnectorLimitExceededException of lambda-core")
def _():
    made = create("taken", ClientToken="boto3-taken")
    equal(create("taken", ClientToken="boto3-taken")["Id"], made["Id"])
    fails(lambda: create("taken"), "ResourceConflictException", 409, Type="User")
    fails(lambda: create("other", ClientToken="boto3-taken"), "ResourceConflictException", 409)
    fails(lambda: create(service=narrow_core), "NetworkConnectorLimitExceededException", 400, Type="User")


@step("boto3: TooManyRequestsException with its reason, ThrottlingException")
def _():
    def twice(call):
        try:
            call()
        except Exception:
            pass
        return call
    fails(twice(narrow_core.list_network_connectors), "TooManyRequestsException", 429, "Rate exceeded",
          Type="User", Reason="CallerRateLimitExceeded")
    fails(twice(lambda: narrow_vms.get_microvm(microvmIdentifier=UNKNOWN)), "ThrottlingException", 429,
          "Rate exceeded", serviceCode=None, quotaCode=None)


@step("boto3: ServiceQuotaExceededException")
def _():
    fails(lambda: vms.run_microvm(imageIdentifier=IMAGE), "ServiceQuotaExceededException", 402,
          "The base maximum allocated memory limit has been reached for this account.",
          resourceId=None, resourceType=None, serviceCode=None, quotaCode=None)


@step("boto3: AccessDeniedException of both services")
def _():
    user = f"User: arn:aws:iam::{ACCOUNT}:user/ann is not authorized to perform:"
    fails(lambda: ann_vms.terminate_microvm(microvmIdentifier=WORLD["microvmIds"][0]),
          "AccessDeniedException", 403,
          f"{user} lambda:TerminateMicrovm on resource: {IMAGE} because no identity-based policy allows the "
          "lambda:TerminateMicrovm action")
    fails(lambda: create(service=ann_core), "AccessDeniedException", 403,
          f"{user} lambda:CreateNetworkConnector on resource: * because no identity-based policy allows the "
          "lambda:CreateNetworkConnector action")
    ann_core.list_network_connectors()


@step("boto3: unions, page tokens and clock skew")
def _():
    vm = WORLD["microvmIds"][0]
    for port in ({}, {"port": 1, "allPorts": {}}, {"port": 0}, {"range": {"startPort": 9, "endPort": 8}}):
        fails(lambda: vms.create_microvm_auth_token(
            microvmIdentifier=vm, expirationInMinutes=5, allowedPorts=[port]), "ValidationException", 400)
    fails(lambda: vms.list_microvms(nextToken="nonsense"), "ValidationException", 400)
    fails(lambda: core.list_network_connectors(Marker="nonsense"), "InvalidParameterValueException", 400)
    fails(lambda: vms.list_microvms(maxResults=51), "ValidationException", 400)


run()
