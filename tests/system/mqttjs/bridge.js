// mqtt.js by remote control, for test_mqttjs.py: requests come as lines of JSON and are answered
// likewise, under their number; what happens to a client comes as a line with its name. Ends with
// its standard input.
'use strict';

const mqtt = require('mqtt');
const mqttPacket = require('mqtt-packet');
const readline = require('readline');

const clients = new Map();
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');
const base64 = (bytes) => Buffer.from(bytes).toString('base64');

/** Properties as JSON has them; binary ones are base64 on this side of the pipe. */
function fromPacket(properties = {}) {
  const out = { ...properties };
  if (out.correlationData) out.correlationData = base64(out.correlationData);
  return out;
}
function toPacket(properties) {
  if (!properties) return undefined;
  if (!properties.correlationData) return properties;
  return { ...properties, correlationData: Buffer.from(properties.correlationData, 'base64') };
}

function releaseGranted(held) {
  for (; held.granted > 0 && held.waiting.length > 0; held.granted -= 1) held.waiting.shift()(null, 0);
}

const requests = {
  /** `hold`: each acknowledgement waits for an `acknowledge`. */
  connect({ client, port, options, hold }) {
    return new Promise((resolve, reject) => {
      const held = { waiting: [], granted: 0 };
      const settings = { reconnectPeriod: 0, resubscribe: false, ...options };
      if (settings.will) settings.will.properties = toPacket(settings.will.properties);
      if (hold) {
        settings.customHandleAcks = (topic, message, packet, done) => {
          held.waiting.push(done);
          releaseGranted(held);
        };
      }
      const it = mqtt.connect({ host: '127.0.0.1', port, protocol: 'mqtt', clientId: client, ...settings });
      clients.set(client, { it, held });
      it.once('connect', (connack) => resolve({
        sessionPresent: connack.sessionPresent, properties: fromPacket(connack.properties),
      }));
      it.once('error', (error) => reject(error));
      it.on('error', () => {});
      it.on('close', () => say({ client, event: 'close' }));
      // mqtt.js takes one packet after the other: what has arrived shows only beside it.
      const arrived = mqttPacket.parser({ protocolVersion: settings.protocolVersion });
      it.stream.on('data', (bytes) => arrived.parse(bytes));
      arrived.on('packet', (p) => {
        if (p.cmd !== 'publish') return;
        say({ client, event: 'arrived', topic: p.topic, alias: (p.properties || {}).topicAlias });
      });
      it.on('packetsend', (p) => {
        if (p.cmd === 'publish') say({ client, event: 'sent', topic: p.topic });
      });
      it.on('message', (topic, payload, p) => say({
        client, event: 'message', topic, payload: base64(payload), qos: p.qos, retain: p.retain,
        properties: fromPacket(p.properties),
      }));
    });
  },
  acknowledge({ client }) {
    const { held } = clients.get(client);
    held.granted += 1;
    releaseGranted(held);
  },
  /** The reason code of each filter. */
  async subscribe({ client, filters, properties }) {
    const granted = new Promise((resolve) => {
      const take = (p) => {
        if (p.cmd !== 'suback') return;
        clients.get(client).it.removeListener('packetreceive', take);
        resolve(p.granted);
      };
      clients.get(client).it.on('packetreceive', take);
    });
    clients.get(client).it.subscribe(filters, { properties: toPacket(properties) }, () => {});
    return granted;
  },
  async unsubscribe({ client, filters }) {
    await clients.get(client).it.unsubscribeAsync(filters);
  },
  /** Answered when the exchange is over. */
  async publish({ client, topic, payload, qos, retain, properties }) {
    await clients.get(client).it.publishAsync(topic, payload, { qos, retain, properties: toPacket(properties) });
  },
  async end({ client }) {
    await clients.get(client).it.endAsync();
  },
  /** Without a goodbye, and for good. */
  drop({ client }) {
    clients.get(client).it.stream.destroy();
  },
};

readline.createInterface({ input: process.stdin }).on('line', async (line) => {
  const { number, request, ...fields } = JSON.parse(line);
  try {
    say({ number, result: (await requests[request](fields)) ?? null });
  } catch (error) {
    say({ number, error: `${request}: ${error.message}`, code: error.code });
  }
}).on('close', () => process.exit(0));
