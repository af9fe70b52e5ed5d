import { openKafkajs } from './kafka.ts';
import { kafkaDriverSuite } from './kafka-driver-suite.ts';

kafkaDriverSuite('Kafka through kafkajs', openKafkajs);
