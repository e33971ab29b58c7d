"""Every real client the server is tested with."""
from clients.aws_cli import AwsCli, NewestAwsCli
from clients.azure import AzureSdkJs, RcloneAzure
from clients.boto3_client import Boto3, NewestBoto3
from clients.curl import Curl
from clients.node import AwsSdkJs, MinioJs
from clients.rclone import Rclone
from clients.s3cmd import S3cmd

CLIENTS = (
    AwsCli, NewestAwsCli, Boto3, NewestBoto3, Curl, Rclone, S3cmd, AwsSdkJs, MinioJs, AzureSdkJs, RcloneAzure,
)  # fmt: skip
