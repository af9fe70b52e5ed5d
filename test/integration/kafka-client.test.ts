import { openKafka } from './kafka.ts';
import { kafkaDriverSuite } from './kafka-driver-suite.ts';

kafkaDriverSuite('Kafka', openKafka);
