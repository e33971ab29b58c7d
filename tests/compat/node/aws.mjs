// The verbs of clients/client.py, spoken by @aws-sdk/client-s3.
import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  paginateListObjectsV2,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

export function connect({ endpoint, accessKey, secretKey, region }) {
  const settings = {
    endpoint,
    region,
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  };
  const s3 = new S3Client(settings);
  // By default the SDK signs the checksum of an empty body into every link, and S3 refuses any other body.
  const presigner = new S3Client({ ...settings, requestChecksumCalculation: "WHEN_REQUIRED" });
  return {
    async makeBucket({ bucket }) {
      await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    },

    // A stream of known length: the SDK sends it as aws-chunked with a checksum in the trailer.
    async put({ bucket, key, path, extra }) {
      const { size } = await stat(path);
      const body = createReadStream(path);
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentLength: size, ...extra }));
    },

    async get({ bucket, key, path, extra }) {
      const asked = { Bucket: bucket, Key: key, ChecksumMode: "ENABLED", ...extra };
      const { Body } = await s3.send(new GetObjectCommand(asked));
      await pipeline(Body, createWriteStream(path));
    },

    async upload({ bucket, key, path, extra }) {
      const params = { Bucket: bucket, Key: key, Body: createReadStream(path), ...extra };
      await new Upload({ client: s3, params, queueSize: 4, partSize: 5 << 20 }).done();
    },

    async copy({ bucket, key, newKey }) {
      const source = encodeURI(`${bucket}/${key}`);
      await s3.send(new CopyObjectCommand({ Bucket: bucket, Key: newKey, CopySource: source }));
    },

    async remove({ bucket, keys }) {
      const Objects = keys.map((Key) => ({ Key }));
      const { Errors } = await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }));
      if (Errors?.length) throw new Error(JSON.stringify(Errors));
    },

    async list({ bucket, prefix, delimiter }) {
      const query = { Bucket: bucket, Prefix: prefix, Delimiter: delimiter };
      const keys = [];
      const prefixes = [];
      for await (const page of paginateListObjectsV2({ client: s3 }, query)) {
        keys.push(...(page.Contents ?? []).map(({ Key }) => Key));
        prefixes.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix));
      }
      return [keys, prefixes];
    },

    presign({ bucket, key, method }) {
      const Command = method === "GET" ? GetObjectCommand : PutObjectCommand;
      return getSignedUrl(presigner, new Command({ Bucket: bucket, Key: key }), { expiresIn: 300 });
    },
  };
}
