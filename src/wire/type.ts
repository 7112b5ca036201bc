/**
 * What makes the JSON Schemas of this folder, imported as `Type`. The build puts the library's part into this file (docs/adr/0031): as it
 * is published it is two hundred files, and to load them was a quarter of the start of every process.
 */
export {
  Array,
  Boolean,
  Composite,
  Exclude,
  Integer,
  Literal,
  Null,
  Number,
  Object,
  Optional,
  Partial,
  Pick,
  Record,
  type Static,
  String,
  type TObject,
  type TSchema,
  Union,
  Unknown,
  Unsafe,
} from '@sinclair/typebox'
