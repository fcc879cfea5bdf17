// Every operation of the JavaScript client against a local cloud, in one of its ways to address it.
// Standard input: {mode, endpoint, host, port, region, accessKey, secretKey, bucket, folder}; a line for every step done.
"use strict";

const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { Readable } = require("node:stream");
const { TosClient, TosServerError } = require("@volcengine/tos-sdk");

const MIB = 1024 * 1024;
const settings = JSON.parse(fs.readFileSync(0, "utf8"));
const { bucket, folder } = settings;

function addressing() {
  const proxied = { secure: false, proxyHost: settings.host, proxyPort: settings.port };
  return {
    proxy: { ...proxied, endpoint: "tos-cn-beijing.volces.com" },
    custom: { ...proxied, endpoint: `${bucket}.tos-cn-beijing.volces.com`, isCustomDomain: true },
    path: { secure: false, endpoint: `${settings.host}:${settings.port}`, forcePathStyle: true },
  }[settings.mode];
}

function connect(secretKey = settings.secretKey) {
  return new TosClient({
    accessKeyId: settings.accessKey,
    accessKeySecret: secretKey,
    region: settings.region,
    bucket,
    enableCRC: false,
    maxRetryCount: 0,
    ...addressing(),
  });
}

const client = connect();

async function refusal(call) {
  const error = await call.then(() => undefined, (reason) => reason);
  assert.ok(error instanceof TosServerError, `refused by the server, not ${error}`);
  return error;
}

async function read(key, options = {}) {
  const answer = await client.getObjectV2({ key, dataType: "buffer", ...options });
  return answer.data.content;
}

function follow(url, method, body) {
  // what a browser behind the same proxy does with a URL
  const headers = { host: url.split("/")[2] };
  const options = { host: settings.host, port: settings.port, method, path: url, headers, agent: false };
  return new Promise((resolve, reject) => {
    const request = http.request(options, (response) => {
      const pieces = [];
      response.on("data", (piece) => pieces.push(piece));
      response.on("end", () => resolve({ status: response.statusCode, content: Buffer.concat(pieces) }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

const steps = {
  async buckets() {
    if (settings.mode === "custom") return; // its host names one bucket
    await client.createBucket({ bucket: "made-by-js" });
    const { data } = await client.listBuckets();
    assert.deepEqual(data.Buckets.map((one) => one.Name), [bucket, "made-by-js"]);
    assert.equal((await client.headBucket("made-by-js")).statusCode, 200);
    await client.deleteBucket("made-by-js");
    assert.equal((await refusal(client.headBucket("made-by-js"))).statusCode, 404);
  },
  async putAndGet() {
    for (const key of ["plain", "dir/批量 +%.jsonl", "a&b=c?d#e", "é~!*'()"]) {
      for (const body of [Buffer.from("data of " + key), Buffer.alloc(0)]) {
        await client.putObject({ key, body });
        assert.deepEqual(await read(key), body);
      }
      await client.deleteObject(key);
    }
  },
  async putAStream() {
    await client.putObject({ key: "stream", body: Readable.from([Buffer.from("one "), Buffer.from("two")]) });
    assert.equal(String(await read("stream")), "one two");
  },
  async putAndGetFiles() {
    const [source, target] = ["source", "target"].map((name) => path.join(folder, name));
    for (const content of [crypto.randomBytes(MIB), Buffer.alloc(0)]) {
      fs.writeFileSync(source, content);
      await client.putObjectFromFile({ key: "file", filePath: source });
      await client.getObjectToFile({ key: "file", filePath: target });
      assert.deepEqual(fs.readFileSync(target), content);
    }
  },
  async headAndMetadata() {
    await client.putObject({ key: "meta", body: Buffer.from("{}"), meta: { name: "批量 1" } });
    const head = (await client.headObject("meta")).data;
    assert.equal(head["content-length"], "2");
    assert.equal(decodeURIComponent(head["x-tos-meta-name"]), "批量 1");
  },
  async rangesAndConditions() {
    await client.putObject({ key: "ranged", body: Buffer.from("0123456789") });
    assert.equal(String(await read("ranged", { rangeStart: 2, rangeEnd: 4 })), "234");
    const etag = (await client.headObject("ranged")).data.etag;
    assert.equal(String(await read("ranged", { ifMatch: etag })), "0123456789");
    assert.equal((await refusal(read("ranged", { ifMatch: '"other"' }))).statusCode, 412);
    assert.equal((await refusal(read("ranged", { rangeStart: 10, rangeEnd: 12 }))).statusCode, 416);
  },
  async copies() {
    await client.copyObject({ key: "copy", srcBucket: bucket, srcKey: "meta" });
    assert.equal(String(await read("copy")), "{}");
  },
  async listings() {
    for (const key of ["l/a/1", "l/a/2", "l/b", "l/中"]) await client.putObject({ key, body: Buffer.alloc(1) });
    const page = (await client.listObjectsType2({ prefix: "l/", delimiter: "/", maxKeys: 2, listOnlyOnce: true })).data;
    assert.deepEqual(page.CommonPrefixes.map((one) => one.Prefix), ["l/a/"]);
    assert.deepEqual(page.Contents.map((one) => one.Key), ["l/b"]);
    const token = page.NextContinuationToken;
    const rest = (await client.listObjectsType2({ prefix: "l/", delimiter: "/", continuationToken: token })).data;
    assert.deepEqual(rest.Contents.map((one) => one.Key), ["l/中"]);
    const old = (await client.listObjects({ prefix: "l/", maxKeys: 3 })).data;
    assert.deepEqual(old.Contents.map((one) => one.Key), ["l/a/1", "l/a/2", "l/b"]);
    assert.equal(old.IsTruncated, true);
  },
  async multipart() {
    const { UploadId: uploadId } = (await client.createMultipartUpload({ key: "parts" })).data;
    const pieces = [crypto.randomBytes(5 * MIB), Buffer.from("the end")];
    const parts = [];
    for (const [index, body] of pieces.entries()) {
      const { data } = await client.uploadPart({ key: "parts", uploadId, partNumber: index + 1, body });
      parts.push({ partNumber: index + 1, eTag: data.ETag });
    }
    const listed = (await client.listParts({ key: "parts", uploadId })).data;
    assert.deepEqual(listed.Parts.map((one) => [one.PartNumber, one.Size]), [[1, 5 * MIB], [2, 7]]);
    assert.deepEqual((await client.listMultipartUploads()).data.Uploads.map((one) => one.UploadId), [uploadId]);
    await client.completeMultipartUpload({ key: "parts", uploadId, parts: parts.reverse() });
    assert.deepEqual(await read("parts"), Buffer.concat(pieces));
    const other = (await client.createMultipartUpload({ key: "parts" })).data.UploadId;
    await client.abortMultipartUpload({ key: "parts", uploadId: other });
    assert.equal((await refusal(client.listParts({ key: "parts", uploadId: other }))).code, "NoSuchUpload");
  },
  async wholeFiles() {
    const [source, target] = ["big", "big-back"].map((name) => path.join(folder, name));
    for (const size of [0, 12 * MIB + 345]) {
      fs.writeFileSync(source, crypto.randomBytes(size));
      fs.rmSync(target, { force: true });
      await client.uploadFile({ key: "big", file: source, partSize: 5 * MIB, taskNum: 3, checkpoint: folder });
      await client.downloadFile({ key: "big", filePath: target, partSize: 5 * MIB, taskNum: 3, checkpoint: folder });
      assert.deepEqual(fs.readFileSync(target), fs.readFileSync(source));
    }
  },
  async signedUrls() {
    const url = client.getPreSignedUrl({ key: "by url", method: "PUT", expires: 60 });
    assert.equal((await follow(url, "PUT", "by url")).status, 200);
    const back = client.getPreSignedUrl({ key: "by url", expires: 60 });
    assert.equal(String((await follow(back, "GET")).content), "by url");
    assert.equal((await follow(back.replace("Expires=60", "Expires=61"), "GET")).status, 403);
  },
  async deletions() {
    const { data } = await client.deleteMultiObjects({ objects: [{ key: "copy" }, { key: "never" }] });
    assert.deepEqual(data.Deleted.map((one) => one.Key), ["copy", "never"]);
    assert.equal((await client.deleteObject("never")).statusCode, 204);
  },
  async errors() {
    const missing = await refusal(client.getObjectV2({ key: "copy" }));
    assert.deepEqual([missing.statusCode, missing.ec], [404, "0017-00000003"]);
    assert.equal((await refusal(client.headObject("copy"))).statusCode, 404);
    const refused = await refusal(connect("another-secret").headObject("meta"));
    assert.equal(refused.statusCode, 403);
  },
};

async function main() {
  for (const [name, step] of Object.entries(steps)) {
    await step();
    console.log(name);
  }
}

main().then(
  () => process.exit(0), // the client keeps its connections, and so the process
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
