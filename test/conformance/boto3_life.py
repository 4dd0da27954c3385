"""boto3 through the whole life of an image, a MicroVM and a network connector."""
import datetime
import json
import re
import urllib.error
import urllib.request

from steps import REGION, WORLD, client, equal, fails, members, run, status, step, wait

vms = client("lambda-microvms")
core = client("lambda-core")
s3 = client("s3")
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
ACCOUNT = WORLD["accountId"]
IMAGE = f"arn:aws:lambda:{REGION}:{ACCOUNT}:microvm-image:life-boto3"
BASE = f"arn:aws:lambda:{REGION}:aws:microvm-image:al2023-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/build"
SETTINGS = {
    "baseImageArn": BASE,
    "buildRoleArn": ROLE,
    "codeArtifact": {"uri": "s3://boto3-artifacts/life.zip"},
    "resources": [{"minimumMemoryInMiB": 512}],
}


def managed(name):
    return f"arn:aws:lambda:{REGION}:aws:network-connector:aws-network-connector:{name}"


def image():
    return vms.get_microvm_image(imageIdentifier=IMAGE)


def settled():
    return wait(image, lambda it: it["state"] not in ("CREATING", "UPDATING"))["state"]


def get(endpoint, path, token=None):
    request = urllib.request.Request(f"https://{endpoint}{path}")
    if token:
        request.add_header("X-aws-proxy-auth", token)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@step("boto3: an artifact is uploaded with S3's transfer manager")
def _():
    s3.create_bucket(Bucket="boto3-artifacts", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.upload_file(WORLD["artifactFile"], "boto3-artifacts", "life.zip")


@step("boto3: CreateMicrovmImage echoes what it filled in")
def _():
    request = {**SETTINGS, "name": "life-boto3", "hooks": WORLD["hooks"], "tags": {"team": "red"}}
    made = vms.create_microvm_image(**request, clientToken="boto3-create")
    equal((status(made), made["state"], made["imageVersion"]), (201, "CREATING", "1.0"))
    equal(made["egressNetworkConnectors"], [managed("INTERNET_EGRESS")])
    equal(made["baseImageVersion"], "1.0")
    equal(made["hooks"], WORLD["hooks"])
    equal(made["createdAt"].tzinfo is not None, True)
    again = vms.create_microvm_image(**request, clientToken="boto3-create")
    equal(again["createdAt"], made["createdAt"])
    fails(
        lambda: vms.create_microvm_image(**{**request, "name": "other"}, clientToken="boto3-create"),
        "ConflictException", 409, resourceId=None, resourceType=None,
    )
    fails(
        lambda: vms.delete_microvm_image(imageIdentifier=IMAGE), "ValidationException", 400,
        f"Cannot delete MicroVM image in its current state: {IMAGE}",
    )


@step("boto3: network connectors are made, updated, tagged, listed and deleted")
def _():
    configuration = {"VpcEgressConfiguration": {
        "SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"], "NetworkProtocol": "IPv4",
        "AssociatedComputeResourceTypes": ["MicroVm"],
    }}
    made = core.create_network_connector(
        Name="boto3-net", Configuration=configuration, OperatorRole=ROLE, Tags={"team": "red"})
    equal((status(made), made["State"]), (202, "PENDING"))
    equal(members(made), ["Arn", "Configuration", "Id", "Name", "OperatorRole", "State"])
    assert re.fullmatch(f"nc-{UUID}", made["Id"]), made["Id"]
    equal(made["Arn"], f"arn:aws:lambda:{REGION}:{ACCOUNT}:network-connector:{made['Id']}")
    active = wait(lambda: core.get_network_connector(Identifier="boto3-net"), lambda it: it["State"] == "ACTIVE")
    equal(members(active), [
        "Arn", "Configuration", "Id", "LastModified", "Name", "OperatorRole", "State", "StateReason", "Version"])
    equal((active["StateReason"], active["Version"]), ("Initial creation", 1))
    equal(isinstance(active["LastModified"], datetime.datetime), True)
    for identifier in (made["Id"], made["Arn"]):
        equal(core.get_network_connector(Identifier=identifier)["Name"], "boto3-net")

    same = core.update_network_connector(Identifier="boto3-net", Configuration=configuration)
    equal(members(same), [
        "Arn", "Configuration", "Id", "LastModified", "LastUpdateStatus", "LastUpdateStatusReason", "Name",
        "OperatorRole", "State"])
    equal(same["LastUpdateStatusReason"], "No configuration changes detected")
    configuration["VpcEgressConfiguration"]["SubnetIds"] = ["subnet-3"]
    core.update_network_connector(Identifier=made["Arn"], Configuration=configuration)
    changed = core.get_network_connector(Identifier=made["Id"])
    equal((changed["Version"], changed["Configuration"]), (2, configuration))

    vms.tag_resource(Resource=made["Arn"], Tags={"a": "1"})
    equal(vms.list_tags(Resource=made["Arn"])["Tags"], {"team": "red", "a": "1"})
    vms.untag_resource(Resource=made["Arn"], TagKeys=["a"])

    other = core.create_network_connector(Name="boto3-two", Configuration=configuration, OperatorRole=ROLE)
    wait(lambda: core.get_network_connector(Identifier=other["Id"]), lambda it: it["State"] == "ACTIVE")
    pages = core.get_paginator("list_network_connectors").paginate(
        PaginationConfig={"PageSize": 1}, State="ACTIVE")
    found = [item for page in pages for item in page["NetworkConnectors"]]
    mine = [item for item in found if item["Name"].startswith("boto3")]
    equal([item["Name"] for item in mine], ["boto3-two", "boto3-net"])
    equal(members(mine[0]), ["Arn", "Id", "LastModified", "Name", "State", "Type"])

    for identifier in (made["Id"], other["Name"]):
        gone = core.delete_network_connector(Identifier=identifier)
        equal((status(gone), gone["State"]), (202, "DELETING"))
        equal(members(gone), ["Arn", "Configuration", "Id", "Name", "OperatorRole", "State"])
    names = lambda: [it["Name"] for it in core.list_network_connectors()["NetworkConnectors"]]
    wait(names, lambda it: not {"boto3-net", "boto3-two"} & set(it))
    fails(
        lambda: core.get_network_connector(Identifier=made["Id"]), "ResourceNotFoundException", 404,
        f"Network connector not found for: {made['Arn']}",
    )


@step("boto3: the first version is built and described")
def _():
    equal(settled(), "CREATED")
    version = vms.get_microvm_image_version(imageIdentifier=IMAGE, imageVersion="1.0")
    equal((version["state"], version["status"]), ("SUCCESSFUL", "ACTIVE"))
    equal("stateReason" in version, False)
    builds = vms.get_paginator("list_microvm_image_builds").paginate(imageIdentifier=IMAGE, imageVersion="1.0")
    items = builds.build_full_result()["items"]
    equal([(it["buildState"], it["architecture"], it["chipset"]) for it in items],
          [("SUCCESSFUL", "ARM_64", "GRAVITON")])
    build = vms.get_microvm_image_build(
        imageIdentifier=IMAGE, imageVersion="1.0", buildId=items[0]["buildId"])
    equal(sorted(build["snapshotBuild"]),
          ["codeInstallSizeInBytes", "diskSnapshotSizeInBytes", "memorySnapshotSizeInBytes"])


@step("boto3: paginators walk images, versions, managed images and MicroVMs")
def _():
    def walk(operation, **arguments):
        paginator = vms.get_paginator(operation)
        return paginator.paginate(PaginationConfig={"PageSize": 1}, **arguments).build_full_result()["items"]
    equal([it["name"] for it in walk("list_microvm_images", nameFilter="life-boto")], ["life-boto3"])
    equal([it["imageVersion"] for it in walk("list_microvm_image_versions", imageIdentifier=IMAGE)], ["1.0"])
    equal([it["imageArn"] for it in walk("list_managed_microvm_images")], [BASE])
    equal([it["imageVersion"] for it in walk("list_managed_microvm_image_versions", imageIdentifier=BASE)],
          ["1", "0"])
    unknown = IMAGE.replace("life-boto3", "unknown")
    equal(walk("list_microvms", imageIdentifier=unknown), [])


@step("boto3: a MicroVM runs, answers, sleeps, wakes by a request and ends")
def _():
    policy = {"maxIdleDurationSeconds": 600, "suspendedDurationSeconds": 600, "autoResumeEnabled": True}
    request = {"imageIdentifier": IMAGE, "idlePolicy": policy, "clientToken": "boto3-run"}
    started = vms.run_microvm(**request)
    equal((status(started), started["state"], started["idlePolicy"]), (200, "PENDING", policy))
    equal(started["maximumDurationInSeconds"], 28800)
    equal(started["ingressNetworkConnectors"], [managed("HTTP_INGRESS")])
    equal(vms.run_microvm(**request)["microvmId"], started["microvmId"])
    vm = {"microvmIdentifier": started["microvmId"]}
    state = lambda: vms.get_microvm(**vm)["state"]
    wait(state, lambda it: it == "RUNNING")
    minted = vms.create_microvm_auth_token(**vm, expirationInMinutes=60, allowedPorts=[{"allPorts": {}}])
    equal(list(minted["authToken"]), ["X-aws-proxy-auth"])
    token = minted["authToken"]["X-aws-proxy-auth"]
    equal(get(started["endpoint"], "/"), (403, "Request missing authentication"))
    equal(get(started["endpoint"], "/", token), (200, '{"count": 1}'))
    fails(
        lambda: vms.create_microvm_shell_auth_token(**vm, expirationInMinutes=5), "ValidationException", 400,
        "Shell access requires SHELL_INGRESS network connector to be configured on the MicroVM.",
    )
    for _ in range(2):
        equal(members(vms.suspend_microvm(**vm)), [])
        wait(state, lambda it: it == "SUSPENDED")
    equal(get(started["endpoint"], "/", token), (200, '{"count": 2}'))
    equal(state(), "RUNNING")
    hooks = json.loads(get(started["endpoint"], "/state", token)[1])["hooks"]
    equal(hooks, ["ready", "run", "suspend", "resume"])
    for _ in range(2):
        equal(members(vms.terminate_microvm(**vm)), [])
    ended = wait(lambda: vms.get_microvm(**vm), lambda it: it["state"] == "TERMINATED")
    equal(ended["stateReason"], "Success.")
    equal(ended["terminatedAt"] >= ended["startedAt"], True)
    fails(
        lambda: vms.resume_microvm(**vm), "ValidationException", 400,
        f"The MicroVM {started['microvmId']} has been terminated and its state cannot be changed.",
    )
    listed = vms.list_microvms(imageIdentifier=IMAGE)["items"]
    equal([members(it) for it in listed], [["imageArn", "imageVersion", "microvmId", "startedAt", "state"]])


@step("boto3: an update makes version 2.0, without anything of version 1.0")
def _():
    updated = vms.update_microvm_image(
        imageIdentifier=IMAGE, **SETTINGS, environmentVariables={"GREETING": "again"}, description="second")
    equal((updated["state"], updated["imageVersion"], updated["latestActiveImageVersion"]),
          ("UPDATING", "2.0", "1.0"))
    equal("hooks" in updated or "tags" in updated, False)
    fails(
        lambda: vms.update_microvm_image(imageIdentifier=IMAGE, **SETTINGS), "ConflictException", 409,
        "MicroVM Image is already in state: UPDATING", resourceId=None, resourceType=None,
    )
    equal(settled(), "UPDATED")
    equal(image()["latestActiveImageVersion"], "2.0")
    version = vms.get_microvm_image_version(imageIdentifier=IMAGE, imageVersion="2.0")
    equal((version["description"], version["environmentVariables"]), ("second", {"GREETING": "again"}))
    equal("hooks" in version, False)
    started = vms.run_microvm(imageIdentifier=IMAGE)
    equal(started["imageVersion"], "2.0")
    vm = {"microvmIdentifier": started["microvmId"]}
    wait(lambda: vms.get_microvm(**vm)["state"], lambda it: it == "RUNNING")
    token = vms.create_microvm_auth_token(**vm, expirationInMinutes=5, allowedPorts=[{"port": 8080}])
    environment = get(started["endpoint"], "/environment", token["authToken"]["X-aws-proxy-auth"])[1]
    equal(json.loads(environment)["GREETING"], "again")
    fails(
        lambda: vms.run_microvm(imageIdentifier=IMAGE, runHookPayload="x"), "ValidationException", 400,
        "The run hook must be enabled in the MicroVM image to pass the run hook payload",
    )
    vms.terminate_microvm(**vm)
    wait(lambda: vms.get_microvm(**vm)["state"], lambda it: it == "TERMINATED")


@step("boto3: versions are deactivated, activated and deleted, then the image")
def _():
    one = {"imageIdentifier": IMAGE, "imageVersion": "1.0"}
    equal(vms.update_microvm_image_version(**one, status="INACTIVE")["status"], "INACTIVE")
    equal(vms.update_microvm_image_version(**one, status="ACTIVE")["status"], "ACTIVE")
    gone = vms.delete_microvm_image_version(**one)
    equal(members(gone), ["imageIdentifier", "imageVersion", "state"])
    equal(settled(), "UPDATED")
    fails(lambda: vms.get_microvm_image_version(**one), "ResourceNotFoundException", 404,
          f"MicroVMImage not found for MicroVMImage: {IMAGE}, Version: 1.0", resourceId=None)
    deleted = vms.delete_microvm_image(imageIdentifier=IMAGE)
    equal((deleted["imageIdentifier"], deleted["state"]), (IMAGE, "DELETING"))
    wait(lambda: [it["name"] for it in vms.list_microvm_images(nameFilter="boto3")["items"]], lambda it: not it)
    fails(image, "ResourceNotFoundException", 404, f"MicroVMImage not found for MicroVMImageID: {IMAGE}")


run()
