import quantize from "../../plugins/functions/quantize/task.ts";
import { shipped } from "../testing/shipped.ts";

shipped("quantize", quantize, ["worse", "better", "better", "better"]);
