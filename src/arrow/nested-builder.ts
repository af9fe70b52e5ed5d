/** Columns that are made of columns: lists and structs. */
import type { Data } from 'apache-arrow';
import { Field, List, makeData, Struct } from './arrow-library.ts';
import { ColumnBuilder, shown, type Validity } from './column-base.ts';
import { OffsetsBuilder } from './offsets-builder.ts';

function fieldOf({ name, dataType, nullable }: ColumnBuilder): Field {
  return new Field(name, dataType, nullable);
}

export class ListBuilder extends OffsetsBuilder {
  private readonly items: ColumnBuilder;

  constructor(name: string, isNullable: boolean, items: ColumnBuilder) {
    super(name, new List(fieldOf(items)), isNullable);
    this.items = items;
  }

  get bytes(): number {
    return this.items.bytes + this.rows * 4;
  }

  protected put(value: unknown, row: number): string | undefined {
    if (!Array.isArray(value)) return `${shown(value)} is not an array`;
    for (let i = 0; i < value.length; i++) {
      const problem = this.items.addOne(value[i]);
      if (problem !== undefined) return `item ${i}: ${problem}`;
    }
    this.used += value.length;
    return this.end(row);
  }

  protected finishData(rows: number, validity: Validity): Data {
    const type = this.dataType as List;
    const valueOffsets = this.valueOffsets(rows);
    return makeData({ type, length: rows, valueOffsets, child: this.items.finish(), ...validity });
  }
}

export class StructBuilder extends ColumnBuilder {
  private readonly fields: readonly ColumnBuilder[];

  constructor(name: string, isNullable: boolean, fields: readonly ColumnBuilder[]) {
    super(name, new Struct(fields.map(fieldOf)), isNullable);
    this.fields = fields;
  }

  get bytes(): number {
    return this.fields.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  protected put(value: unknown): string | undefined {
    if (typeof value !== 'object' || Array.isArray(value)) return `${shown(value)} is not an object`;
    for (const field of this.fields) {
      const problem = field.addOne((value as Readonly<Record<string, unknown>>)[field.name]);
      if (problem !== undefined) return `field '${field.name}': ${problem}`;
    }
    return undefined;
  }

  protected putNull(): void {
    for (const field of this.fields) field.addHidden();
  }

  protected grow(): void {}

  protected finishData(rows: number, validity: Validity): Data {
    const children = this.fields.map((field) => field.finish());
    return makeData({ type: this.dataType as Struct, length: rows, children, ...validity });
  }
}
